// SPDX-License-Identifier: Apache-2.0
// ubctl mount, umount: a container's whole file system below root/ on the host, whether it runs or not. Whether it is there is what the
// kernel says, no record: a command that is killed leaves nothing to mend. The lock is held.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "container/host.h"
#include "os/result.h"

namespace ubc::container {

/// The host sees its tree.
[[nodiscard]] bool is_mounted(const Host& host, std::uint32_t id);

/// Runs the mount scripts of one that does not run, as its start would. What a person should know of the tree goes to `notes`. Fails with
/// Code::exists where it is mounted already.
[[nodiscard]] Result<> mount_tree(const Host& host, std::uint32_t id, std::vector<std::string>& notes);

/// Runs the umount scripts first, as vzctl does. Fails with Code::not_found where it is not mounted, with Code::busy where somebody is in
/// it.
[[nodiscard]] Result<> unmount_tree(const Host& host, std::uint32_t id);

/// Of one that runs, or has just run: whoever is in it keeps what he sees until he leaves. No scripts, and nothing to do where it is not
/// mounted.
[[nodiscard]] Result<> drop_tree(const Host& host, std::uint32_t id);

}  // namespace ubc::container

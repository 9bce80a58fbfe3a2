// SPDX-License-Identifier: Apache-2.0
// A guest's whole file system where the host's admin sees it, for commands of the host that are none of ours. What a guest has left in it
// is hostile: nothing of it is run, no device and no setuid bit counts, and no symbolic link in it leads anywhere.
#pragma once

#include <sys/types.h>

#include <string>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

/// Something is mounted on this very path of the host.
[[nodiscard]] bool is_mount_point(const std::string& path);

/// Makes the directory `target`, and the one that holds it and other views a mount of its own: what is mounted in it is seen in no other
/// mount namespace that is there already. The caller keeps others from doing the same meanwhile.
[[nodiscard]] Result<> prepare_view(const std::string& target);

/// The overlay of a guest that does not run, and must not as long as this is mounted: the template at `lower`, its `area` as in GuestSpec
/// above it. Ids are the guest's: what it owns as root is root's, and what the host's root makes becomes the guest root's. Fails with
/// Code::unsupported where the file system of the area cannot be idmapped.
[[nodiscard]] Result<> mount_stopped_view(const std::string& lower, const std::string& area, uid_t base, const std::string& target);

/// What the guest sees now, all its mounts included; those that it makes later are not. True: ids in its root are as above. False: this
/// kernel cannot idmap an overlay, so they are the host's, and the view is read-only. `guest` is a pidfd. Fails with Code::no_resources for
/// a guest with more than 256 mounts.
[[nodiscard]] Result<bool> mount_running_view(const os::Fd& guest, uid_t base, const std::string& target);

enum class InUse { refused, left_behind };
/// Takes it off, and the directory of views with the last of them. Fails with Code::busy where somebody is in it; else whoever is in it
/// keeps it until he leaves.
[[nodiscard]] Result<> unmount_view(const std::string& target, InUse in_use);

}  // namespace ubc::isolate

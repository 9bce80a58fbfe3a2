// SPDX-License-Identifier: Apache-2.0
// Mounts by file descriptor: a target is opened without following any symlink, then mounted on by its fd, so that what a guest left in its
// tree can't send a mount elsewhere.
#pragma once

#include <sys/mount.h>
#include <sys/types.h>

#include <initializer_list>
#include <string>
#include <utility>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

struct MountOption {
  std::string key;
  std::string value;   ///< empty: a flag
};

/// A new file system instance, mounted nowhere yet. `attributes`: MOUNT_ATTR_*.
[[nodiscard]] Result<os::Fd> new_mount(const std::string& type, std::initializer_list<MountOption> options, unsigned attributes);
/// A copy of the mount at `path`, mounted nowhere yet; without the mounts below it.
[[nodiscard]] Result<os::Fd> clone_mount(const std::string& path);
/// Opens a directory or file below `root` (an open directory) as a mount target: no symlink on the way. A missing directory is made for
/// `owner`.
[[nodiscard]] Result<os::Fd> open_target(const os::DirFd& root, const std::string& path, uid_t owner);
/// The same, for what need not be there: an invalid Fd if it is not.
[[nodiscard]] Result<os::Fd> open_if_there(const os::DirFd& root, const std::string& path);
/// On a directory of the host, of a mount namespace of the caller's own: no guest has a hand in its path.
[[nodiscard]] Result<> stage_mount(const os::Fd& mount, const char* where, const std::string& name);
[[nodiscard]] Result<> attach_mount(const os::Fd& mount, const os::Fd& target, const std::string& name);

}  // namespace ubc::isolate

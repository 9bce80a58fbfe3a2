// SPDX-License-Identifier: Apache-2.0
// Mounts by file descriptor: a target is opened without following any symlink, then mounted on by its fd, so that what a guest left in its
// tree can't send a mount elsewhere.
#pragma once

#include <sys/mount.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

/// Where an overlay's layers are attached while it is made, in a mount namespace of the caller's own, so that no path of the host has to be
/// spelled for overlayfs; who sees the overlay reads these names in its mountinfo. Any two directories that every host has, and where no
/// template or program of ours lies.
inline constexpr const char* kLowerStage = "/proc";
inline constexpr const char* kAreaStage = "/sys";

struct MountOption {
  std::string key;
  std::string value;  ///< empty: a flag
};

/// A new file system instance, mounted nowhere yet. `attributes`: MOUNT_ATTR_*.
[[nodiscard]] Result<os::Fd> new_mount(const std::string& type, const std::vector<MountOption>& options, unsigned attributes);
/// An overlay of what is staged at kLowerStage and, as its upper layer, in the area staged at kAreaStage, mounted nowhere yet. `area` is
/// what errors call that. Fails where it comes up read-only: with Code::no_resources on a full file system, else with Code::unsupported.
[[nodiscard]] Result<os::Fd> new_overlay(const std::string& area, unsigned attributes);
/// The same of which nothing is written.
[[nodiscard]] Result<os::Fd> new_read_only_overlay(unsigned attributes);
/// What `mount`, which is mounted nowhere yet, says of ids from now on is mapped by the user namespace. `name` is what errors call it.
/// Fails with Code::unsupported where its file system cannot be idmapped.
[[nodiscard]] Result<> shift_ids(const os::Fd& mount, const os::Fd& userns, std::uint64_t attributes, const std::string& name);
/// A user namespace for shift_ids(): the guest's ids on disk, from `base` on, are seen as 0 to 65535, and the host's root, who has the
/// directory around them, as 65536: what belongs to an id that has no name here not even root may enter.
[[nodiscard]] Result<os::Fd> map_ids(uid_t base);
/// A copy of the mount at `path`, mounted nowhere yet; without the mounts below it.
[[nodiscard]] Result<os::Fd> clone_mount(const std::string& path);
/// The same where no part of `path` is a symbolic link: of a directory that a guest may have a hand in.
[[nodiscard]] Result<os::Fd> clone_mount_without_links(const std::string& path);
/// Opens a directory or file below `root` (an open directory) as a mount target: no symlink on the way. A missing directory is made,
/// `owner`'s from birth, by a process as run_as_id() wants it.
[[nodiscard]] Result<os::Fd> open_target(const os::DirFd& root, const std::string& path, uid_t owner);
/// The same, for what need not be there: an invalid Fd if it is not.
[[nodiscard]] Result<os::Fd> open_if_there(const os::DirFd& root, const std::string& path);
/// On a directory of the host, of a mount namespace of the caller's own: no guest has a hand in its path.
[[nodiscard]] Result<> stage_mount(const os::Fd& mount, const char* where, const std::string& name);
[[nodiscard]] Result<> attach_mount(const os::Fd& mount, const os::Fd& target, const std::string& name);

}  // namespace ubc::isolate

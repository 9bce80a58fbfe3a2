// SPDX-License-Identifier: Apache-2.0
#include "isolate/host_view.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "isolate/mount.h"
#include "isolate/own_mounts.h"
#include "os/text_file.h"

namespace ubc::isolate {
namespace {

constexpr unsigned kHarmless = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;
/// Of a guest that runs: it may make as many as the kernel lets it, and each would be the host's too.
constexpr long kMostMounts = 256;

struct HostSide {
  os::Fd target, mounts;   ///< the mount point; the mount namespace that it is in
};

Result<HostSide> open_host_side(const std::string& target) {
  return HostSide{UBC_TRY(os::open_file(kHostRoot + target, O_PATH | O_DIRECTORY | O_NOFOLLOW)),
                  UBC_TRY(os::open_file(kHostMounts, O_RDONLY))};
}

Result<> enter_mounts(const os::Fd& of, const char* whose) {
  if (::setns(of.get(), CLONE_NEWNS) == 0) return {};
  return os::sys_error(errno, "enter the mount namespace of", whose);
}

/// What stands in a mount namespace of ours goes to the host's.
Result<> hand_out(const os::Fd& mount, const HostSide& host, const std::string& target) {
  UBC_TRY(enter_mounts(host.mounts, "the host"));
  return attach_mount(mount, host.target, target);
}

Result<os::Fd> clone_tree(const char* path) {
  os::Fd tree{::open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)};
  if (!tree.valid()) return os::sys_error(errno, "copy the guest's mounts");
  return tree;
}

/// Cut off from the guest: what it mounts from now on does not come in. True: with its ids.
Result<bool> cut_off(const os::Fd& tree, const os::Fd& ids) {
  mount_attr wanted{};
  wanted.attr_set = kHarmless | MOUNT_ATTR_RDONLY;
  wanted.propagation = MS_PRIVATE;
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &wanted, sizeof wanted) != 0)
    return os::sys_error(errno, "cut off the guest's mounts");
  wanted = {};
  wanted.attr_set = MOUNT_ATTR_IDMAP;
  wanted.attr_clr = MOUNT_ATTR_RDONLY;
  wanted.userns_fd = static_cast<std::uint64_t>(ids.get());
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH, &wanted, sizeof wanted) == 0) return true;
  return errno == EINVAL ? Result<bool>{false} : Result<bool>{os::sys_error(errno, "shift the ids of the guest's root")};
}

Result<long> count_mounts(const os::Fd& mountinfo) {
  std::string text(1 << 20, '\0');
  long lines = 0;
  for (off_t at = 0;;) {
    const ssize_t got = ::pread(mountinfo.get(), text.data(), text.size(), at);
    if (got < 0) return os::sys_error(errno, "count the guest's mounts");
    if (got == 0) return lines;
    lines += std::count(text.begin(), text.begin() + got, '\n');
    at += got;
  }
}

/// Where nobody else is, so that what is counted is what will be seen.
Result<os::Fd> counted(const os::Fd& tree) {
  const os::Fd mountinfo = UBC_TRY(os::open_file("/proc/self/mountinfo", O_RDONLY));
  const long before = UBC_TRY(count_mounts(mountinfo));
  UBC_TRY(stage_mount(tree, kAreaStage, "the guest's mounts"));
  if (const long mounts = UBC_TRY(count_mounts(mountinfo)) - before; mounts > kMostMounts)
    return os::error(Code::no_resources, "the guest has {} mounts, and the host shall not get more than {} of them: take some off in it",
                     mounts, kMostMounts);
  return clone_tree(kAreaStage);
}

}  // namespace

bool is_mount_point(const std::string& path) {
  struct statx seen{};
  return ::statx(AT_FDCWD, (kHostRoot + path).c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &seen) == 0 &&
         (seen.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

Result<> prepare_view(const std::string& target) {
  return in_host_mounts([&]() -> Result<> {
    const std::string directory = target.substr(0, target.rfind('/'));
    UBC_TRY(os::make_directories(directory, 0700));   // setuid programs of guests lie below
    if (!is_mount_point(directory) && ::mount(directory.c_str(), directory.c_str(), nullptr, MS_BIND, nullptr) != 0)
      return os::sys_error(errno, "mount on itself", directory);
    if (::mount(nullptr, directory.c_str(), nullptr, MS_PRIVATE, nullptr) != 0)
      return os::sys_error(errno, "keep from other mount namespaces", directory);
    return os::make_directories(target, 0700);
  });
}

Result<> mount_stopped_view(const std::string& lower, const std::string& area, uid_t base, const std::string& target) {
  const os::Fd ids = UBC_TRY(map_ids(base));
  return in_own_mounts([&]() -> Result<> {
    const HostSide host = UBC_TRY(open_host_side(target));
    const os::Fd lower_layer = UBC_TRY(clone_mount(lower)), area_layer = UBC_TRY(clone_mount(area));
    UBC_TRY(shift_ids(area_layer, ids, 0, area));
    UBC_TRY(stage_mount(lower_layer, kLowerStage, lower));
    UBC_TRY(stage_mount(area_layer, kAreaStage, area));
    const os::Fd overlay = UBC_TRY(new_overlay(area, kHarmless));
    return hand_out(overlay, host, target);
  });
}

Result<bool> mount_running_view(const os::Fd& guest, uid_t base, const std::string& target) {
  const os::Fd ids = UBC_TRY(map_ids(base));
  bool shifted = false;
  const auto mounted = in_own_mounts([&]() -> Result<> {
    const HostSide host = UBC_TRY(open_host_side(target));
    const os::Fd ours = UBC_TRY(os::open_file("/proc/self/ns/mnt", O_RDONLY));
    UBC_TRY(enter_mounts(guest, "the guest"));
    const os::Fd tree = UBC_TRY(clone_tree("/"));
    shifted = UBC_TRY(cut_off(tree, ids));
    UBC_TRY(enter_mounts(ours, "ours"));
    const os::Fd copy = UBC_TRY(counted(tree));
    return hand_out(copy, host, target);
  });
  if (!mounted) return std::unexpected(mounted.error());
  return shifted;
}

Result<> unmount_view(const std::string& target, InUse in_use) {
  const int flags = UMOUNT_NOFOLLOW | (in_use == InUse::left_behind ? MNT_DETACH : 0);
  return in_host_mounts([&]() -> Result<> {
    while (is_mount_point(target))
      if (::umount2(target.c_str(), flags) != 0)
        return errno == EBUSY ? os::error(Code::busy, "unmount {}: somebody is in it: fuser -vm {} says who", target, target)
                              : Result<>{os::sys_error(errno, "unmount", target)};
    (void)::rmdir(target.c_str());
    const std::string directory = target.substr(0, target.rfind('/'));
    if (is_mount_point(directory)) (void)::umount2(directory.c_str(), UMOUNT_NOFOLLOW);   // refused while there are others in it
    return {};
  });
}

}  // namespace ubc::isolate

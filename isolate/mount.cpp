// SPDX-License-Identifier: Apache-2.0
#include "isolate/mount.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "isolate/guest_spec.h"
#include "isolate/privileges.h"
#include "os/process.h"
#include "os/text_file.h"

namespace ubc::isolate {
namespace {

/// What the kernel wrote about the failure into the file system context, if anything.
std::string words_of(const os::Fd& context) {
  char words[256];
  const ssize_t got = ::read(context.get(), words, sizeof words - 1);
  if (got <= 2) return {};
  std::string text{words + 2, static_cast<std::size_t>(got - 2)};   // "e ..."
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return " (" + text + ")";
}

Result<os::Fd> open_below(const os::DirFd& root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;   // with O_NOFOLLOW the last part could be a link, and would be what is opened
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  os::Fd fd{static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how))};
  if (fd.valid()) return fd;
  if (errno == ELOOP)
    return os::error(Code::corrupt, "/{} of the guest is, or lies behind, a symbolic link: make it a directory again", path);
  return os::sys_error(errno, "open mount point", "/" + path);
}

/// In a directory that is open already, and its owner's from birth: of a name that another guest can change nothing is asked twice.
Result<> make_below(const os::DirFd& root, const std::string& path, uid_t owner) {
  const std::size_t slash = path.rfind('/');
  const std::string name = path.substr(slash == path.npos ? 0 : slash + 1);
  const os::Fd parent = slash == path.npos ? os::Fd{} : UBC_TRY(open_below(root, path.substr(0, slash)));
  const int directory = parent.valid() ? parent.get() : root.get();
  return run_as_id(owner, [&]() -> Result<> {
    return ::mkdirat(directory, name.c_str(), 0755) == 0 ? Result<>{} : Result<>{os::sys_error(errno, "make directory", "/" + path)};
  });
}

/// What an overlay would note for itself, in the layers or in a file's stead, is left out.
Result<os::Fd> make_overlay(std::vector<MountOption> layers, unsigned attributes) {
  for (const char* off : {"metacopy", "index", "xino", "redirect_dir"}) layers.push_back({off, "off"});
  return new_mount("overlay", layers, attributes);
}

/// Who keeps the namespace there until we hold it.
pid_t clone_holder(const os::Pipe& until) {
  const pid_t holder = os::clone_process(CLONE_NEWUSER, -1, SIGCHLD);
  if (holder != 0) return holder;
  char byte;
  (void)::close(until.write_end.get());
  while (::read(until.read_end.get(), &byte, 1) < 0 && errno == EINTR) {
  }
  ::_exit(0);
}

Result<os::Fd> write_maps(pid_t holder, uid_t base) {
  const std::string proc = fmt::format("/proc/{}/", holder), map = fmt::format("{0} 0 {1}\n0 {1} 1\n", base, kIdsPerGuest);
  UBC_TRY(os::write_knob(proc + "gid_map", map));
  UBC_TRY(os::write_knob(proc + "uid_map", map));
  return os::open_file(proc + "ns/user", O_RDONLY);
}

}  // namespace

Result<os::Fd> new_mount(const std::string& type, const std::vector<MountOption>& options, unsigned attributes) {
  const os::Fd context{::fsopen(type.c_str(), FSOPEN_CLOEXEC)};
  if (!context.valid()) return os::sys_error(errno, "make a file system of type", type);
  for (const MountOption& option : options) {
    const int failed = option.value.empty() ? ::fsconfig(context.get(), FSCONFIG_SET_FLAG, option.key.c_str(), nullptr, 0)
                                            : ::fsconfig(context.get(), FSCONFIG_SET_STRING, option.key.c_str(), option.value.c_str(), 0);
    if (failed != 0)
      return os::with_context(Result<os::Fd>{os::sys_error(errno, fmt::format("set {}={} of", option.key, option.value), type)}, "mount");
  }
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    const int saved = errno;
    return os::sys_error(saved, "make a file system of type", type + words_of(context));
  }
  os::Fd mount{::fsmount(context.get(), FSMOUNT_CLOEXEC, attributes)};
  if (!mount.valid()) return os::sys_error(errno, "mount", type);
  return mount;
}

Result<os::Fd> new_overlay(const std::string& area, unsigned attributes) {
  const std::string stage = kAreaStage;
  os::Fd overlay =
      UBC_TRY(make_overlay({{"lowerdir", kLowerStage}, {"upperdir", stage + "/upper"}, {"workdir", stage + "/work"}}, attributes));
  struct statvfs seen{};
  if (::fstatvfs(overlay.get(), &seen) != 0 || (seen.f_flag & ST_RDONLY) == 0) return overlay;
  if (seen.f_bavail == 0 || seen.f_favail == 0)   // the kernel makes a directory in work/, and does without if it can't
    return os::error(Code::no_resources, "the file system of {} is full: make room on it", area);
  return os::error(Code::unsupported, "the overlay over {} came up read-only: its file system cannot hold an upper layer", area);
}

Result<os::Fd> new_read_only_overlay(unsigned attributes) {
  return make_overlay({{"lowerdir", fmt::format("{}/upper:{}", kAreaStage, kLowerStage)}}, attributes | MOUNT_ATTR_RDONLY);
}

Result<> shift_ids(const os::Fd& mount, const os::Fd& userns, std::uint64_t attributes, const std::string& name) {
  mount_attr wanted{};
  wanted.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_NOATIME | attributes;
  wanted.attr_clr = MOUNT_ATTR__ATIME;
  wanted.userns_fd = static_cast<std::uint64_t>(userns.get());
  if (::mount_setattr(mount.get(), "", AT_EMPTY_PATH, &wanted, sizeof wanted) == 0) return {};
  return errno == EINVAL
             ? os::error(Code::unsupported,
                         "shift the ids of {}: the file system it lies on cannot be idmapped by this kernel; keep templates and "
                         "private areas on ext4, xfs or btrfs",
                         name)
             : Result<>{os::sys_error(errno, "shift the ids of", name)};
}

Result<os::Fd> map_ids(uid_t base) {
  os::Pipe until = UBC_TRY(os::Pipe::make());
  const pid_t holder = clone_holder(until);
  if (holder < 0) return os::sys_error(errno, "make a user namespace");
  Result<os::Fd> userns = write_maps(holder, base);
  until.write_end = os::Fd{};
  (void)UBC_TRY(os::wait_for_child(holder));
  return userns;
}

Result<os::Fd> clone_mount_without_links(const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  const os::Fd source{static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how))};
  if (!source.valid() && errno == ELOOP)
    return os::error(Code::corrupt, "{} of the host is, or lies behind, a symbolic link: say the directory that it leads to", path);
  os::Fd mount{source.valid() ? ::open_tree(source.get(), "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC) : -1};
  if (!mount.valid()) return os::sys_error(errno, "copy the mount of", path);
  return mount;
}

Result<os::Fd> clone_mount(const std::string& path) {
  os::Fd mount{::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)};
  if (!mount.valid()) return os::sys_error(errno, "copy the mount of", path);
  return mount;
}

Result<os::Fd> open_target(const os::DirFd& root, const std::string& path, uid_t owner) {
  auto target = open_below(root, path);
  if (target || target.error().code != Code::not_found) return target;
  UBC_TRY(make_below(root, path, owner));
  return open_below(root, path);
}

Result<os::Fd> open_if_there(const os::DirFd& root, const std::string& path) {
  auto target = open_below(root, path);
  if (!target && target.error().code == Code::not_found) return os::Fd{};
  return target;
}

Result<> stage_mount(const os::Fd& mount, const char* where, const std::string& name) {
  if (::move_mount(mount.get(), "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH) != 0) return os::sys_error(errno, "stage", name);
  return {};
}

Result<> attach_mount(const os::Fd& mount, const os::Fd& target, const std::string& name) {
  if (::move_mount(mount.get(), "", target.get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    return os::sys_error(errno, "mount on", name);
  return {};
}

}  // namespace ubc::isolate

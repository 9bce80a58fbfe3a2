// SPDX-License-Identifier: Apache-2.0
#include "isolate/mount.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

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
  how.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  os::Fd fd{static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how))};
  if (fd.valid()) return fd;
  if (errno == ELOOP)
    return os::error(Code::corrupt, "/{} of the guest is, or lies behind, a symbolic link: make it a directory again", path);
  return os::sys_error(errno, "open mount point", "/" + path);
}

}  // namespace

Result<os::Fd> new_mount(const std::string& type, std::initializer_list<MountOption> options, unsigned attributes) {
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

Result<os::Fd> clone_mount(const std::string& path) {
  os::Fd mount{::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)};
  if (!mount.valid()) return os::sys_error(errno, "copy the mount of", path);
  return mount;
}

Result<os::Fd> open_target(const os::DirFd& root, const std::string& path, uid_t owner) {
  auto target = open_below(root, path);
  if (target || target.error().code != Code::not_found) return target;
  if (::mkdirat(root.get(), path.c_str(), 0755) != 0) return os::sys_error(errno, "make directory", "/" + path);
  if (::fchownat(root.get(), path.c_str(), owner, owner, AT_SYMLINK_NOFOLLOW) != 0) return os::sys_error(errno, "give away", "/" + path);
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

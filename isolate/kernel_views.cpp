// SPDX-License-Identifier: Apache-2.0
// /proc, /sys and what is hidden in them.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "isolate/mount.h"
#include "isolate/rootfs.h"

namespace ubc::isolate {
namespace {

constexpr unsigned kNothing = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/// What tells about, or acts on, the whole host. A name that this kernel has not is left out.
constexpr const char* kMaskedFiles[] = {"proc/kcore",    "proc/keys",       "proc/timer_list",    "proc/latency_stats", "proc/sched_debug",
                                        "proc/kallsyms", "proc/interrupts", "proc/sysrq-trigger", "proc/kmsg"};
constexpr const char* kMaskedDirectories[] = {"proc/acpi",    "proc/asound",   "proc/scsi",
                                              "sys/firmware", "sys/fs/pstore", "sys/devices/virtual/powercap"};
constexpr const char* kReadOnly[] = {"proc/bus", "proc/fs", "proc/irq"};

Result<> mount_view(const os::DirFd& root, const GuestSpec& spec, const std::string& path, const std::string& type, unsigned attributes) {
  auto mount = new_mount(type, {}, attributes);
  if (!mount) return os::with_context(Result<>{std::unexpected(std::move(mount).error())}, "/" + path);
  return attach_mount(*mount, UBC_TRY(open_target(root, path, spec.base)), "/" + path);
}

/// Our own /dev/null: made by us in a tmpfs of ours, and looked at again (CVE-2025-31133).
Result<> check_null_device() {
  struct stat seen{};
  if (::lstat("/dev/null", &seen) != 0) return os::sys_error(errno, "look at", "/dev/null");
  if (!S_ISCHR(seen.st_mode) || seen.st_rdev != makedev(1, 3))
    return os::error(Code::corrupt, "/dev/null of the guest is not the null device");
  return {};
}

Result<> cover(const os::DirFd& root, const std::string& path, const char* with) {
  const os::Fd target = UBC_TRY(open_if_there(root, path));
  if (!target.valid()) return {};
  return attach_mount(UBC_TRY(clone_mount(with)), target, "/" + path);
}

/// The first is covered by a new empty tmpfs, the others by copies of that mount: one instance a guest.
Result<> mask_directories(const os::DirFd& root) {
  std::string first;
  for (const char* path : kMaskedDirectories) {
    if (!first.empty()) {
      UBC_TRY(cover(root, path, first.c_str()));
      continue;
    }
    const os::Fd target = UBC_TRY(open_if_there(root, path));
    if (!target.valid()) continue;
    const os::Fd empty = UBC_TRY(new_mount("tmpfs", {{"size", "4k"}, {"nr_inodes", "2"}, {"mode", "0555"}}, kNothing | MOUNT_ATTR_RDONLY));
    UBC_TRY(attach_mount(empty, target, std::string{"/"} + path));
    first = std::string{"/"} + path;
  }
  return {};
}

Result<> make_read_only(const os::DirFd& root, const std::string& path) {
  const os::Fd target = UBC_TRY(open_if_there(root, path));
  if (!target.valid()) return {};
  const os::Fd copy = UBC_TRY(clone_mount("/" + path));
  mount_attr attributes{};
  attributes.attr_set = kNothing | MOUNT_ATTR_RDONLY;
  if (::mount_setattr(copy.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0)
    return os::sys_error(errno, "make read-only", "/" + path);
  return attach_mount(copy, target, "/" + path);
}

Result<> attach_proc_view(const os::DirFd& root, const ProcView& view) {
  const std::string path = "proc/" + view.name;
  const os::Fd target = UBC_TRY(open_if_there(root, path));
  return target.valid() ? attach_mount(view.mount, target, "/" + path) : Result<>{};
}

}  // namespace

Result<> mount_kernel_views(const GuestSpec& spec) {
  const os::DirFd root = UBC_TRY(os::DirFd::open("/"));
  UBC_TRY(mount_view(root, spec, "proc", "proc", kNothing));
  UBC_TRY(mount_view(root, spec, "sys", "sysfs", kNothing | MOUNT_ATTR_RDONLY));
  UBC_TRY(mount_view(root, spec, "sys/fs/cgroup", "cgroup2", kNothing));
  UBC_TRY(mount_view(root, spec, "dev/mqueue", "mqueue", kNothing));
  UBC_TRY(check_null_device());
  for (const char* path : kMaskedFiles) UBC_TRY(cover(root, path, "/dev/null"));
  UBC_TRY(mask_directories(root));
  for (const char* path : kReadOnly) UBC_TRY(make_read_only(root, path));
  for (const ProcView& view : spec.proc_views) UBC_TRY(attach_proc_view(root, view));
  return {};
}

}  // namespace ubc::isolate

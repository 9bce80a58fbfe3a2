// SPDX-License-Identifier: Apache-2.0
#include "isolate/rootfs.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "isolate/handshake.h"
#include "isolate/mount.h"
#include "isolate/privileges.h"

namespace ubc::isolate {
namespace {

constexpr unsigned kPlain = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

struct Device {
  const char* name;
  unsigned major, minor;
};
constexpr Device kDevices[] = {{"null", 1, 3},    {"zero", 1, 5}, {"full", 1, 7},   {"random", 1, 8},
                               {"urandom", 1, 9}, {"tty", 5, 0},  {"console", 1, 3}};
struct Link {
  const char* name;
  const char* target;
};
constexpr Link kLinks[] = {{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
                           {"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},         {"core", "/proc/kcore"}};

Result<os::Fd> mount_overlay(const GuestSpec& spec, const os::Fd& userns) {
  const os::Fd lower = UBC_TRY(clone_mount(spec.lower));   // the template, shared read-only, its ids shifted to the guest's
  UBC_TRY(shift_ids(lower, userns, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV, spec.lower));
  UBC_TRY(stage_mount(lower, kLowerStage, spec.lower));
  const os::Fd area = UBC_TRY(clone_mount(spec.area));
  UBC_TRY(stage_mount(area, kAreaStage, spec.area));
  return new_overlay(spec.area, MOUNT_ATTR_NODEV);
}

Result<> enter_root(const os::Fd& root) {
  UBC_TRY(stage_mount(root, kLowerStage, "the guest's root"));
  if (::chdir(kLowerStage) != 0) return os::sys_error(errno, "enter the guest's root");
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return os::sys_error(errno, "pivot into the guest's root");
  if (::umount2(".", MNT_DETACH) != 0) return os::sys_error(errno, "leave the host's root");
  return ::chdir("/") == 0 ? Result<>{} : Result<>{os::sys_error(errno, "enter the guest's root")};
}

/// Those that the guest has besides. In a tmpfs that is the host's alone still, so the names lead nowhere else.
Result<> make_extra_nodes(const os::Fd& dev, const GuestSpec& spec) {
  for (const DeviceNode& device : spec.devices) {
    for (std::size_t slash = device.name.find('/'); slash != device.name.npos; slash = device.name.find('/', slash + 1))
      if (::mkdirat(dev.get(), device.name.substr(0, slash).c_str(), 0755) != 0 && errno != EEXIST)
        return os::sys_error(errno, "make directory", fmt::format("/dev/{}", device.name.substr(0, slash)));
    (void)::unlinkat(dev.get(), device.name.c_str(), 0);   // one that every guest has, said again with another mode
    if (::mknodat(dev.get(), device.name.c_str(), device.mode, device.number) != 0)
      return os::sys_error(errno, "make device", fmt::format("/dev/{}", device.name));
  }
  return {};
}

Result<> make_nodes(const os::Fd& dev, const GuestSpec& spec) {
  for (const Device& device : kDevices)
    if (::mknodat(dev.get(), device.name, S_IFCHR | 0666, makedev(device.major, device.minor)) != 0)
      return os::sys_error(errno, "make device", fmt::format("/dev/{}", device.name));
  for (const Link& link : kLinks)
    if (::symlinkat(link.target, dev.get(), link.name) != 0) return os::sys_error(errno, "make link", fmt::format("/dev/{}", link.name));
  for (const SharedFile& file : spec.files)
    if (::mknodat(dev.get(), file.device.c_str(), S_IFREG | 0444, 0) != 0)
      return os::sys_error(errno, "make", fmt::format("/dev/{}", file.device));
  for (const char* directory : {"pts", "shm", "mqueue"})
    if (::mkdirat(dev.get(), directory, 0755) != 0) return os::sys_error(errno, "make directory", fmt::format("/dev/{}", directory));
  return make_extra_nodes(dev, spec);
}

Result<> mount_at(const os::DirFd& root, const GuestSpec& spec, const std::string& path, Result<os::Fd> mount) {
  if (!mount) return os::with_context(Result<>{std::unexpected(std::move(mount).error())}, "/" + path);
  return attach_mount(*mount, UBC_TRY(open_target(root, path, spec.base)), "/" + path);
}

/// A copy of the mount of something of the host's, to be taken while its paths are still there; without what is mounted below it.
Result<os::Fd> take_mount(Result<os::Fd> copied, const std::string& source, std::uint64_t attributes, std::string_view what) {
  os::Fd copy = UBC_TRY(std::move(copied));
  mount_attr wanted{};
  wanted.attr_set = kPlain | attributes;
  if (::mount_setattr(copy.get(), "", AT_EMPTY_PATH, &wanted, sizeof wanted) != 0) return os::sys_error(errno, what, source);
  return copy;
}

Result<std::vector<os::Fd>> take_files(const GuestSpec& spec) {
  std::vector<os::Fd> copies;
  for (const SharedFile& file : spec.files)
    copies.push_back(UBC_TRY(take_mount(clone_mount(file.source), file.source, MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY, "make read-only")));
  return copies;
}

Result<std::vector<os::Fd>> take_binds(const GuestSpec& spec) {
  std::vector<os::Fd> copies;
  for (const BindMount& bind : spec.binds)
    copies.push_back(UBC_TRY(take_mount(clone_mount_without_links(bind.source), bind.source,
                                        (bind.read_only ? MOUNT_ATTR_RDONLY : 0U) | (bind.no_exec ? MOUNT_ATTR_NOEXEC : 0U), "bind")));
  return copies;
}

Result<> attach_binds(const os::DirFd& root, const GuestSpec& spec, const std::vector<os::Fd>& copies) {
  for (std::size_t i = 0; i < copies.size(); ++i) {
    const std::string path = spec.binds[i].target.substr(1);
    for (std::size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
      UBC_TRY(open_target(root, path.substr(0, slash), spec.base));
    const os::Fd target = UBC_TRY(open_target(root, path, spec.base));
    UBC_TRY(attach_mount(copies[i], target, "/" + path));
  }
  return {};
}

Result<> attach_files(const os::DirFd& root, const GuestSpec& spec, const std::vector<os::Fd>& copies) {
  for (std::size_t i = 0; i < copies.size(); ++i) {
    const std::string path = "dev/" + spec.files[i].device;
    const os::Fd target = UBC_TRY(open_target(root, path, spec.base));
    UBC_TRY(attach_mount(copies[i], target, "/" + path));
  }
  return {};
}

/// Nodes in a tmpfs of the host's own: they look like root's and work, and the guest can make none (mknod needs the host's CAP_MKNOD).
Result<> mount_dev(const os::DirFd& root, const GuestSpec& spec) {
  const std::string owner = std::to_string(spec.base);
  auto dev = new_mount("tmpfs", {{"mode", "0755"}, {"size", "4m"}, {"nr_inodes", "4k"}, {"uid", owner}, {"gid", owner}},
                       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (!dev) return os::with_context(Result<>{std::unexpected(std::move(dev).error())}, "/dev");
  const mode_t mask = ::umask(0);
  const auto filled = run_as_id(spec.base, [&] { return make_nodes(*dev, spec); });
  (void)::umask(mask);
  UBC_TRY(filled);
  const os::Fd target = UBC_TRY(open_target(root, "dev", spec.base));
  UBC_TRY(attach_mount(*dev, target, "/dev"));
  const std::string tty_group = std::to_string(spec.base + 5);
  UBC_TRY(mount_at(root, spec, "dev/pts",
                   new_mount("devpts", {{"newinstance", ""}, {"ptmxmode", "0666"}, {"mode", "0620"}, {"gid", tty_group}, {"max", "1024"}},
                             MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)));
  return mount_at(root, spec, "dev/shm", new_mount("tmpfs", {{"mode", "1777"}, {"uid", owner}, {"gid", owner}}, kPlain));
}

}  // namespace

Result<> build_root(const GuestSpec& spec, const os::Fd& userns) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return os::sys_error(errno, "make the mount namespace private");
  const std::vector<os::Fd> files = UBC_TRY(take_files(spec));   // before the stages cover what they lie in
  const std::vector<os::Fd> binds = UBC_TRY(take_binds(spec));
  const os::Fd overlay = UBC_TRY(mount_overlay(spec, userns));
  fault_point("launch:overlay");
  UBC_TRY(enter_root(overlay));
  const os::DirFd root = UBC_TRY(os::DirFd::open("/"));
  UBC_TRY(mount_dev(root, spec));
  UBC_TRY(attach_files(root, spec, files));
  const std::string owner = std::to_string(spec.base);
  UBC_TRY(mount_at(root, spec, "run", new_mount("tmpfs", {{"mode", "0755"}, {"uid", owner}, {"gid", owner}, {"size", "20%"}}, kPlain)));
  return attach_binds(root, spec, binds);
}

}  // namespace ubc::isolate

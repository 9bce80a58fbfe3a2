// SPDX-License-Identifier: Apache-2.0
#include "isolate/proc_views.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "isolate/mount.h"
#include "isolate/tree_file.h"
#include "os/process.h"

namespace ubc::isolate {
namespace {

constexpr std::chrono::milliseconds kPatience{2'000};
constexpr const char* kAsked = "proc/uptime";

/// Asked of the kernel alone: a file system that hangs is not asked for anything.
bool is_mounted_on(const std::string& directory) {
  struct statx seen{};
  constexpr int kFlags = AT_STATX_DONT_SYNC | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
  return ::statx(AT_FDCWD, directory.c_str(), kFlags, 0, &seen) == 0 && (seen.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/// The errno of reading a file below `root`, whose paths nobody vouches for; 0: it can be read.
int error_of_reading(const std::string& root, const char* path) {
  const auto directory = os::DirFd::open(root);
  if (!directory) return directory.error().sys_errno;
  const auto file = open_in_tree(*directory, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) return file.error().sys_errno;
  char byte;
  return ::read(file->get(), &byte, 1) < 0 ? errno : 0;
}

/// Asked by a child: who waits for a file system that hangs may be beyond SIGKILL, and is then left to process 1.
Result<> ask(const std::string& root) {
  const pid_t child = os::clone_process(0, -1, SIGCHLD);
  if (child < 0) return os::sys_error(errno, "fork");
  if (child == 0) ::_exit(error_of_reading(root, kAsked));
  const os::Fd pidfd = UBC_TRY(os::open_pidfd(child));
  if (!UBC_TRY(os::wait_for_exit(pidfd, kPatience))) {
    (void)::kill(child, SIGKILL);
    return os::error(Code::busy, "read {}/{}: no answer within {} s", root, kAsked, kPatience.count() / 1000);
  }
  const int failed = UBC_TRY(os::wait_for_child(child));
  return failed == 0 ? Result<>{} : Result<>{os::sys_error(failed, "read", fmt::format("{}/{}", root, kAsked))};
}

Result<> make_harmless(const os::Fd& mount, const std::string& name) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  return ::mount_setattr(mount.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0
             ? Result<>{}
             : Result<>{os::sys_error(errno, "make read-only", name)};
}

/// In the guest's mount namespace, from the host's.
Result<> cover_in_guest(const os::Fd& guest, const std::vector<ProcView>& views) {
  if (::setns(guest.get(), CLONE_NEWNS) != 0) return os::sys_error(errno, "join the guest's mount namespace");
  const os::DirFd root = UBC_TRY(os::DirFd::open("/"));
  for (const ProcView& view : views) {
    const std::string path = "proc/" + view.name;
    const os::Fd target = UBC_TRY(open_if_there(root, path));
    if (target.valid()) UBC_TRY(attach_mount(view.mount, target, "/" + path));
  }
  return {};
}

}  // namespace

Result<std::vector<ProcView>> take_proc_views(const std::string& directory) {
  std::vector<ProcView> views;
  if (!is_mounted_on(directory)) return views;
  UBC_TRY(ask(directory));
  for (const char* name : kProcViews) {
    const std::string path = fmt::format("{}/proc/{}", directory, name);
    auto mount = clone_mount(path);
    if (!mount && mount.error().code == Code::not_found) continue;
    if (!mount) return std::unexpected(std::move(mount).error());
    UBC_TRY(make_harmless(*mount, path));
    views.push_back({name, *std::move(mount)});
  }
  return views;
}

Result<> check_proc_views(pid_t init) {
  auto answer = ask(fmt::format("/proc/{}/root", init));
  if (answer || answer.error().code == Code::busy) return answer;
  const int failed = answer.error().sys_errno;
  const bool ended = failed == ENOTCONN || failed == ECONNABORTED;
  return ended ? answer : Result<>{};   // what its root has made of its /proc otherwise is its own affair
}

Result<> replace_proc_views(const os::Fd& guest, const std::vector<ProcView>& views) {
  Result<> done = os::error(Code::system, "the process in the guest was killed");
  const pid_t child = os::run_as_child([&] {
    done = cover_in_guest(guest, views);
    return 0;
  });
  if (child < 0) return os::sys_error(errno, "fork");
  (void)UBC_TRY(os::wait_for_child(child));
  return done;
}

}  // namespace ubc::isolate

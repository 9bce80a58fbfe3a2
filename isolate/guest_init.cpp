// SPDX-License-Identifier: Apache-2.0
#include "isolate/guest_init.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>

#include "isolate/guest_files.h"
#include "isolate/privileges.h"
#include "os/fd.h"
#include "os/process.h"

namespace ubc::isolate {
namespace {

/// What its /etc does not take (it is full, read-only, or not guest root's) keeps no guest from starting; ubctl set tells why it does not.
Result<> write_names(const GuestSpec& spec) {
  const std::string& name = spec.hostname.empty() ? spec.name : spec.hostname;
  UBC_TRY(set_host_name(name));
  (void)replace_in_etc("hostname", name + "\n");
  if (spec.resolv_conf) (void)replace_in_etc("resolv.conf", *spec.resolv_conf);
  return {};
}

Result<> use_as(const char* path, int flags, std::initializer_list<int> standards) {
  const os::Fd file{::open(path, flags | O_NOCTTY | O_CLOEXEC)};
  if (!file.valid()) return os::sys_error(errno, "open the guest's", path);
  for (const int standard : standards)
    if (::dup2(file.get(), standard) < 0) return os::sys_error(errno, "set up the guest's standard descriptors");
  return {};
}

/// No input from the console: a shell as process 1 would take the end of its keeper for the end of its script.
Result<> open_standard_descriptors(const GuestSpec& spec) {
  UBC_TRY(use_as("/dev/null", O_RDWR, {0, 1, 2}));
  return spec.keep_console ? use_as("/dev/console", O_WRONLY, {1, 2}) : Result<>{};
}

}  // namespace

Result<> enter_ids() {
  UBC_TRY(become_guest_root());
  if (::unshare(CLONE_NEWIPC) != 0) return os::sys_error(errno, "make the guest's IPC namespace");
  return {};
}

Result<> settle_in(const GuestSpec& spec) {
  if (::unshare(CLONE_NEWNS) != 0) return os::sys_error(errno, "make the guest's mount namespace");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SHARED, nullptr) != 0) return os::sys_error(errno, "share mounts inside the guest");
  UBC_TRY(write_names(spec));
  if (::setsid() < 0) return os::sys_error(errno, "start the guest's session");
  UBC_TRY(open_standard_descriptors(spec));
  return give_up_host_traits(spec.denied_capabilities);
}

Result<> exec_init(const GuestSpec& spec) { return exec_in_guest(spec.init, {"TERM=linux"}); }

Result<> exec_in_guest(const std::vector<std::string>& command, const std::vector<std::string>& more) {
  std::vector<std::string> environment{"container=ubc", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                                       "LANG=C.UTF-8"};
  environment.insert(environment.end(), more.begin(), more.end());
  const auto arguments = os::pointers_to(command), variables = os::pointers_to(environment);
  (void)::execvpe(command.front().c_str(), arguments.data(), variables.data());
  return os::sys_error(errno, "run", command.front());
}

}  // namespace ubc::isolate

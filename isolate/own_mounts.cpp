// SPDX-License-Identifier: Apache-2.0
#include "isolate/own_mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "os/fd.h"
#include "os/process.h"

namespace ubc::isolate {

namespace {

Result<> in_child(const std::function<Result<>()>& body) {
  Result<> done = os::error(Code::system, "who mounts was killed");
  const pid_t parent = ::getpid();
  const pid_t child = os::run_as_child([&] {
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) return 1;   // it died before the line above
    done = body();
    return 0;
  });
  if (child < 0) return os::sys_error(errno, "fork who mounts");
  (void)UBC_TRY(os::wait_for_child(child));
  return done;
}

}  // namespace

Result<> in_own_mounts(const std::function<Result<>()>& body) {
  return in_child([&]() -> Result<> {
    if (::unshare(CLONE_NEWNS) != 0) return os::sys_error(errno, "make a mount namespace");
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return os::sys_error(errno, "make the mount namespace private");
    return body();
  });
}

Result<> in_host_mounts(const std::function<Result<>()>& body) {
  return in_child([&]() -> Result<> {
    const os::Fd mounts = UBC_TRY(os::open_file(kHostMounts, O_RDONLY));
    if (::setns(mounts.get(), CLONE_NEWNS) != 0) return os::sys_error(errno, "enter the mount namespace of the host");
    return body();
  });
}

}  // namespace ubc::isolate

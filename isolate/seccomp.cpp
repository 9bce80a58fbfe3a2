// SPDX-License-Identifier: Apache-2.0
#include "isolate/seccomp.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>

namespace ubc::isolate {
namespace {

constexpr sock_filter kFilter[] = {
#include "seccomp_filter.inc"
};

}  // namespace

Result<> install_seccomp() {
  const sock_fprog program{static_cast<unsigned short>(std::size(kFilter)), const_cast<sock_filter*>(kFilter)};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return os::sys_error(errno, "install the seccomp filter");
  return {};
}

}  // namespace ubc::isolate

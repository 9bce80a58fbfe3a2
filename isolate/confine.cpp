// SPDX-License-Identifier: Apache-2.0
#include "isolate/confine.h"

#include <iconv.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <memory>

namespace ubc::isolate {
namespace {

/// What chroot(2) as a wall needs: without CAP_SYS_CHROOT, CAP_SYS_ADMIN and CAP_SYS_PTRACE there is no way out.
Result<> keep_capabilities(std::span<const int> kept) {
  const std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)> wanted{cap_init(), &cap_free};
  if (!wanted) return os::sys_error(errno, "prepare the capabilities");
  for (const cap_flag_t flag : {CAP_PERMITTED, CAP_EFFECTIVE})
    if (cap_set_flag(wanted.get(), flag, static_cast<int>(kept.size()), kept.data(), CAP_SET) != 0)
      return os::sys_error(errno, "prepare the capabilities");
  if (cap_set_proc(wanted.get()) != 0) return os::sys_error(errno, "give up capabilities");
  return {};
}

}  // namespace

Result<> confine_to(const os::DirFd& directory, std::span<const int> kept, const std::string& what) {
  if (::geteuid() != 0) return os::error(Code::denied, "{}: owners and modes are kept, which only root may do; become root", what);
  // Character sets are loaded now, from this system: after chroot(2) the C library would look for them in the untrusted tree.
  if (std::setlocale(LC_ALL, "C.UTF-8") == nullptr) return os::error(Code::unsupported, "{}: this system has no locale C.UTF-8", what);
  if (const iconv_t warm = ::iconv_open("UTF-8", "UTF-8"); reinterpret_cast<std::intptr_t>(warm) != -1) (void)::iconv_close(warm);
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return os::sys_error(errno, "turn off core dumps");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return os::sys_error(errno, "give up new privileges");
  if (::fchdir(directory.get()) != 0 || ::chroot(".") != 0 || ::chdir("/") != 0)
    return os::sys_error(errno, "make a root directory of", directory.name());
  (void)::umask(022);   // for directories that no member describes
  return keep_capabilities(kept);
}

}  // namespace ubc::isolate

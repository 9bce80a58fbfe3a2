// SPDX-License-Identifier: Apache-2.0
#include "os/result.h"

#include <cerrno>
#include <cstring>

namespace ubc::os {

Code code_of(int sys_errno) {
  switch (sys_errno) {
    case EINVAL:
    case ERANGE:
    case ENAMETOOLONG: return Code::bad_value;
    case ENOENT:
    case ESRCH: return Code::not_found;
    case EEXIST: return Code::exists;
    case EBUSY:
    case EAGAIN:
    case ETXTBSY: return Code::busy;
    case EPERM:
    case EACCES:
    case EROFS: return Code::denied;
    case ENOSYS:
    case EOPNOTSUPP:
    case ENODEV: return Code::unsupported;
    case ENOMEM:
    case ENOSPC:
    case EMFILE:
    case ENFILE:
    case EDQUOT:
    case ENOBUFS: return Code::no_resources;
    default: return Code::system;
  }
}

std::unexpected<Error> sys_error(int sys_errno, std::string_view action, std::string_view object) {
  const char* reason = strerrordesc_np(sys_errno);
  const std::string why = reason != nullptr ? std::string{reason} : fmt::format("errno {}", sys_errno);
  return std::unexpected(Error{code_of(sys_errno), sys_errno,
                               object.empty() ? fmt::format("{}: {}", action, why) : fmt::format("{} {}: {}", action, object, why)});
}

}  // namespace ubc::os

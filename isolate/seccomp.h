// SPDX-License-Identifier: Apache-2.0
// The guest's system call filter. libseccomp writes it when ubc is built (seccomp_policy.cpp), so that a start loads no library and
// compiles nothing.
#pragma once

#include "os/result.h"

namespace ubc::isolate {

/// For the calling process and all it will exec; needs CAP_SYS_ADMIN in its user namespace (no_new_privs stays off: su and ping work).
[[nodiscard]] Result<> install_seccomp();

}  // namespace ubc::isolate

// SPDX-License-Identifier: Apache-2.0
// What a process gives up before a guest's program runs in it.
#pragma once

#include "os/result.h"

namespace ubc::isolate {

/// Becomes root of the user namespace it is in: gid, groups, uid. The first charge to the guest's numproc: ENOMEM where that is full.
[[nodiscard]] Result<> become_guest_root();

/// Signals, umask, resource limits, scheduling, session keyring and environment-independent state as a new machine's init would find them;
/// bounding, inheritable and ambient capabilities cut; every descriptor but 0, 1, 2 closes at exec; and last the seccomp filter.
[[nodiscard]] Result<> give_up_host_traits();

}  // namespace ubc::isolate

// SPDX-License-Identifier: Apache-2.0
// Starts a guest: all namespaces, born in its cgroup, no process of ours left behind.
#pragma once

#include <sys/types.h>

#include "isolate/guest_spec.h"
#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

struct StartedGuest {
  pid_t init_pid = -1;   ///< the guest's process 1, as the host numbers it; a child of the caller
  os::Fd pidfd;
};

/// Returns when the guest's program has been exec'd, or with the stage and cause of what failed, after which nothing of the guest is left
/// but perhaps a dying process in its cgroup. Needs root. A guest that ends at once has still been started.
[[nodiscard]] Result<StartedGuest> launch(const GuestSpec& spec);

}  // namespace ubc::isolate

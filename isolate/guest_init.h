// SPDX-License-Identifier: Apache-2.0
// The guest's first process, step by step, between its clone and the exec of its init.
#pragma once

#include <string>
#include <vector>

#include "isolate/guest_spec.h"
#include "os/result.h"

namespace ubc::isolate {

/// Once the id maps are written: root of the guest, with an IPC namespace whose objects are this root's.
[[nodiscard]] Result<> enter_ids();
/// Once the tree is mounted: a mount namespace of its own, host name, standard descriptors, and nothing left of the host's.
[[nodiscard]] Result<> settle_in(const GuestSpec& spec);
/// Returns only on failure.
[[nodiscard]] Result<> exec_init(const GuestSpec& spec);

/// execve with the guest's own environment: PATH, TERM, HOME, LANG, container, and `more`. Returns only on failure.
[[nodiscard]] Result<> exec_in_guest(const std::vector<std::string>& command, const std::vector<std::string>& more);

}  // namespace ubc::isolate

// SPDX-License-Identifier: Apache-2.0
// The guest's ends of its links, set up from outside, so that no script of a distribution has to.
#pragma once

#include <functional>

#include "isolate/guest_spec.h"
#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

/// Runs `body` in the guest's network namespace, with the host's rights and everything else the host's.
[[nodiscard]] Result<> in_network_of(const os::Fd& guest, const std::function<Result<>()>& body);

/// Called in the guest's network namespace: brings the link up, with its addresses and what leads out over it. What is there stays.
/// Fails with Code::not_found where the guest has removed it.
[[nodiscard]] Result<> set_up_link(const GuestLink& link);
/// Likewise; an address that is not there is no error.
[[nodiscard]] Result<> remove_addresses(const GuestLink& link);

}  // namespace ubc::isolate

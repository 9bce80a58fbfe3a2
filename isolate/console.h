// SPDX-License-Identifier: Apache-2.0
// Terminals of a guest's own devpts: one for a program that is run in it, one as its /dev/console.
#pragma once

#include "isolate/guest_spec.h"
#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

/// Both ends of a new one of the devpts at /dev/pts, verified (CVE-2025-52565); nobody's controlling terminal.
[[nodiscard]] Result<Pty> open_pty();

/// In the guest's tree, built and entered: a pty of the guest root's own, its slave as /dev/console.
[[nodiscard]] Result<Pty> make_console(const GuestSpec& spec);

}  // namespace ubc::isolate

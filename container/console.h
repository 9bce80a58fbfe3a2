// SPDX-License-Identifier: Apache-2.0
// A guest's console. A pty needs somebody who holds its master, or it is dead, and who reads it, or its writers wait for ever: no file of
// the kernel's does both. So one process of the host holds those of all guests, where an admin wants consoles: `ubctl console --keep`. It
// is at the socket when a guest starts, or that guest's console is the null device.
//
// A packet is a letter and what belongs to it:
//   to the keeper, first: K and an id, with master, slave and the guest's pidfd beside it; A and an id, to be attached
//   from it, once attached: o, or n and why not; then d and bytes that the guest prints, e at its end
//   to it: d and bytes that are typed, w and a struct winsize
#pragma once

#include <sys/un.h>

#include <cstdint>
#include <string>
#include <vector>

#include "container/host.h"
#include "isolate/guest_spec.h"
#include "os/fd.h"
#include "os/result.h"

namespace ubc::container {

/// Where the keeper is.
[[nodiscard]] std::string console_socket(const Host& host);
/// The same for bind(2) and connect(2). Fails with Code::bad_value where the path is too long for one.
[[nodiscard]] Result<sockaddr_un> console_address(const Host& host);

/// Has the guest's console kept if there is a keeper; why one that is there does not, goes to `notes`.
void plan_console(const Host& host, std::uint32_t id, isolate::GuestSpec& spec, std::vector<std::string>& notes);

/// A socket of packets. Fails with Code::not_found where no keeper runs, with Code::bad_state where it has not this console.
[[nodiscard]] Result<os::Fd> attach_console(const Host& host, std::uint32_t id);

}  // namespace ubc::container

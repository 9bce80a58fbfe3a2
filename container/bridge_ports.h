// SPDX-License-Identifier: Apache-2.0
// The host's side of guests' links that are ports of its bridges.
#pragma once

#include <cstdint>

#include "bpf/guest_links.h"
#include "container/bridged_link.h"
#include "container/host.h"
#include "container/network_settings.h"
#include "os/fd.h"
#include "os/result.h"
#include "os/route_socket.h"

namespace ubc::container {

/// `guest`: its network namespace. Fails with Code::bad_value where the host has no such bridge, with Code::busy where its interface's name
/// is taken by what is not this container's.
[[nodiscard]] Result<> plug_into_bridge(const Host& host, const bpf::GuestLinks& links, std::uint32_t id, const BridgedLink& link,
                                        const Rates& rates, const os::Fd& guest);
/// Only if it is this container's; one that is not there is no error.
[[nodiscard]] Result<> unplug_from_bridge(const bpf::GuestLinks& links, const os::RouteSocket& socket, std::uint32_t id,
                                          const BridgedLink& link);

}  // namespace ubc::container

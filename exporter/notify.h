// SPDX-License-Identifier: Apache-2.0
// sd_notify(3) without libsystemd: one datagram.
#pragma once

#include <string>
#include <string_view>

#include "os/result.h"

namespace ubc::exporter {

/// Sends `state` ("READY=1") to the socket that $NOTIFY_SOCKET names, a path or "@abstract". Empty: nobody waits, and nothing is sent.
[[nodiscard]] Result<> notify(const std::string& socket, std::string_view state);

}  // namespace ubc::exporter

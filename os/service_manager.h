// SPDX-License-Identifier: Apache-2.0
// sd_notify(3) and sd_listen_fds(3) without libsystemd, which no static program can have: one datagram, and the descriptors from 3 on.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::os {

/// Sends `state` ("READY=1") to the socket that $NOTIFY_SOCKET names, a path or "@abstract"; with FDSTORE=1 in it, descriptors to keep over
/// our restarts. Empty: nobody waits, and nothing is sent.
[[nodiscard]] Result<> notify(const std::string& socket, std::string_view state, std::span<const int> descriptors = {});

struct KeptDescriptor {
  std::string name;  ///< FDNAME
  Fd fd;
};
/// Those that the manager hands back: ours from here on, so to be called once. The texts are of $LISTEN_PID, $LISTEN_FDS and
/// $LISTEN_FDNAMES; none where they are not for this process.
[[nodiscard]] std::vector<KeptDescriptor> take_kept_descriptors(std::string_view pid, std::string_view count, std::string_view names);

}  // namespace ubc::os

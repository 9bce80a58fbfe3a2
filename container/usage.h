// SPDX-License-Identifier: Apache-2.0
// What a running container uses besides its beancounters, from its cgroup, the host's ends of its links and its file system.
#pragma once

#include <cstdint>
#include <vector>

#include "accounting/cgroup_usage.h"
#include "accounting/usage_rows.h"
#include "container/host.h"
#include "container/network.h"
#include "os/result.h"

namespace ubc::container {

/// As the guest sees it, but counted at the host's ends, where it can't change the numbers or make up interfaces.
[[nodiscard]] std::vector<accounting::Traffic> traffic_of(const std::vector<LinkNames>& links, const accounting::TrafficByDevice& host);

/// Disk where the file system counts it, CPU and IO where the kernel does, network where it has a link of its own. Of a container that does
/// not run only its disk.
[[nodiscard]] Result<std::vector<accounting::UsageRow>> usage_rows(const Host& host, std::uint32_t id);

}  // namespace ubc::container

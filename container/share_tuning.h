// SPDX-License-Identifier: Apache-2.0
// A container's part of the CPUs and of the disk, set on its cgroup: at its start, and live.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "accounting/config_file.h"
#include "container/host.h"
#include "os/result.h"

namespace ubc::container {

/// What of `config` is about them. What this host has no means for (a weight without an IO scheduler that knows weights, a limit on a file
/// system that is on no single disk) goes to `notes`. Fails with Code::bad_value where a number is wrong or there is no such CPU.
[[nodiscard]] Result<> apply_shares(const Host& host, std::uint32_t id, const accounting::ConfigFile& config,
                                    std::vector<std::string>& notes);

}  // namespace ubc::container

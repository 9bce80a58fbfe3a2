// SPDX-License-Identifier: Apache-2.0
// The classic table, byte for byte as 64-bit OpenVZ kernels (2.6.18, 2.6.32) printed /proc/user_beancounters. (Pure.)
#pragma once

#include <string>
#include <vector>

#include "accounting/beancounter.h"

namespace ubc::accounting {

struct ContainerSnapshot {
  std::uint32_t ctid = 0;
  Snapshot snapshot;
};

/// "Version: 2.5", the heading, and 24 rows for each container in the order given.
[[nodiscard]] std::string user_beancounters(const std::vector<ContainerSnapshot>& containers);

}  // namespace ubc::accounting

// SPDX-License-Identifier: Apache-2.0
// What ubcd itself takes, under the names that every Prometheus client uses.
#pragma once

#include <cstdint>

#include "os/result.h"

namespace ubc::exporter {

struct OwnProcess {
  double cpu_seconds = 0;
  double started_at = 0;   ///< seconds since the epoch
  std::uint64_t resident_bytes = 0, virtual_bytes = 0;
  std::uint64_t open_files = 0, max_files = 0;
};

[[nodiscard]] Result<OwnProcess> read_own_process();

/// What the start has left is given back, and from now on as much memory as a large reply takes is kept for the next one: its pages would
/// cost several times what writing it does.
void settle_memory();

}  // namespace ubc::exporter

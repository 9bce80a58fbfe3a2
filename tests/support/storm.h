// SPDX-License-Identifier: Apache-2.0
// The load of the exactness tests: forks, opens, sockets, pipes, descriptors passed between processes, mappings and kill -9, mixed.
#pragma once

#include <sys/types.h>

#include <atomic>

namespace ubc::test {

inline constexpr int kStormWorkers = 32;
inline constexpr long kStormOperations = 200'000;

struct StormProgress {
  std::atomic<long> left{kStormOperations};   ///< operations
  std::atomic<bool> all_started = false;       ///< no worker begins before
  std::atomic<int> finished = 0;              ///< workers that found none left
  std::atomic<int> passed = 0, killed = 0;    ///< descriptors received from another process; children that died of SIGKILL
};

/// Forks the workers. They share what is left in `progress`, which must be memory shared with them. A refusal is part of the storm.
/// A worker that finds nothing left ends, or with `stay` waits for ever with what it holds at that moment.
void start_storm(StormProgress& progress, bool stay, pid_t (&workers)[kStormWorkers]);

}  // namespace ubc::test

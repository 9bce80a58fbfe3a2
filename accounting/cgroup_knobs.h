// SPDX-License-Identifier: Apache-2.0
// What the kernel's memory controller counts and refuses itself: physpages, swappages, kmemsize.
#pragma once

#include <cstdint>
#include <optional>

#include "accounting/beancounter.h"
#include "os/cgroup_dir.h"

namespace ubc::accounting {

/// Present only where the kernel says it.
struct MemoryReadings {
  std::optional<std::uint64_t> current_bytes;       ///< memory.current
  std::optional<std::uint64_t> peak_bytes;          ///< memory.peak (5.19)
  std::optional<std::uint64_t> swap_bytes;          ///< memory.swap.current
  std::optional<std::uint64_t> swap_peak_bytes;     ///< memory.swap.peak (6.5)
  std::optional<std::uint64_t> kernel_bytes;        ///< memory.stat: kernel
  std::uint64_t max_hits = 0;                       ///< memory.events: max, the times that memory.max was hit
  std::uint64_t swap_failures = 0;                  ///< memory.swap.events: fail
};

/// A file that this kernel has not is left out; any other failure is one.
[[nodiscard]] Result<MemoryReadings> read_memory(const os::CgroupDir& cgroup);

/// Puts the readings into the snapshot's physpages, swappages and kmemsize: held, maxheld (never below what is there) and failcnt. (Pure.)
void merge_memory(Snapshot& snapshot, const MemoryReadings& readings);

/// memory.high and memory.max from physpages, memory.swap.max from swappages. A limit below what is used now would make the kernel kill:
/// then memory.max becomes what is left after reclaim, growth is blocked, and the bytes it was set to are returned; nullopt: set as asked.
[[nodiscard]] Result<std::optional<std::uint64_t>> write_physpages(const os::CgroupDir& cgroup, const Limits& limits);
[[nodiscard]] Result<> write_swappages(const os::CgroupDir& cgroup, const Limits& limits);

}  // namespace ubc::accounting

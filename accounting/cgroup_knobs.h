// SPDX-License-Identifier: Apache-2.0
// What the kernel's memory controller counts, refuses and protects itself: physpages, swappages, kmemsize, dcachesize, vmguarpages,
// oomguarpages.
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
  std::optional<std::uint64_t> reclaimable_bytes;   ///< memory.stat: slab_reclaimable, the part of it that the kernel gives back in need
  std::optional<std::uint64_t> unfiled_bytes;       ///< memory.stat: inactive_anon + active_anon + unevictable, what no file backs
  std::uint64_t max_hits = 0;                       ///< memory.events: max, the times that memory.max was hit
  std::uint64_t swap_failures = 0;                  ///< memory.swap.events: max (fail counts a host without swap, too)
  std::uint64_t oom_kills = 0;                      ///< memory.events: oom_kill, by whatever limit or the host's lack
};

/// Without memory.stat, whose numbers the kernel adds up over all CPUs first, nothing of what is held now is there, only counts and peaks.
enum class MemoryParts { all, but_stat };
/// A file that this kernel has not is left out; any other failure is one.
[[nodiscard]] Result<MemoryReadings> read_memory(const os::CgroupDir& cgroup, MemoryParts parts = MemoryParts::all);

/// Puts the readings into the snapshot's physpages, swappages, kmemsize (what of the kernel's memory can't be reclaimed), dcachesize (what
/// can) and oomguarpages: held, maxheld (never below what is there) and failcnt. (Pure.)
void merge_memory(Snapshot& snapshot, const MemoryReadings& readings);

/// memory.high and memory.max from physpages, memory.swap.max from swappages. A limit below what is used now would make the kernel kill:
/// then memory.max becomes what is left after reclaim, growth is blocked, and the bytes it was set to are returned; nullopt: set as asked.
[[nodiscard]] Result<std::optional<std::uint64_t>> write_physpages(const os::CgroupDir& cgroup, const Limits& limits);
[[nodiscard]] Result<> write_swappages(const os::CgroupDir& cgroup, const Limits& limits);

/// Of the barrier. None where it is unlimited: a guarantee of all to one is none to the others. (Pure.)
[[nodiscard]] std::uint64_t guaranteed_bytes(const Limits& vmguarpages);
/// memory.low: reclaim takes elsewhere first.
[[nodiscard]] Result<> write_memory_low(const os::CgroupDir& cgroup, std::uint64_t bytes);

/// What oom_score_adj takes the barrier of oomguarpages off each task's badness, which the kernel counts in thousandths of `memory_bytes`
/// (RAM and swap). -999 at most: -1000 would never be killed, not even where the container itself is full. (Pure.)
[[nodiscard]] int oom_score_adj_for(const Limits& oomguarpages, std::uint64_t memory_bytes);

}  // namespace ubc::accounting

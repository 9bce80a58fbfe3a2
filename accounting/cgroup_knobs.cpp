// SPDX-License-Identifier: Apache-2.0
#include "accounting/cgroup_knobs.h"

#include <algorithm>

#include "os/text_file.h"

namespace ubc::accounting {
namespace {

/// nullopt: this kernel or this cgroup has no such file.
Result<std::optional<std::string>> read_if_there(const os::CgroupDir& cgroup, const std::string& file) {
  auto text = cgroup.read(file);
  if (!text && text.error().code == Code::not_found) return std::nullopt;
  if (!text) return std::unexpected(text.error());
  return *std::move(text);
}

Result<std::optional<std::uint64_t>> read_number(const os::CgroupDir& cgroup, const std::string& file) {
  const auto text = UBC_TRY(read_if_there(cgroup, file));
  return text ? os::parse_number_or_max(*text) : std::optional<std::uint64_t>{};
}

std::optional<std::uint64_t> value_of(const auto& values, std::string_view key) {
  const auto found = values.find(key);
  return found == values.end() ? std::nullopt : std::optional{found->second};
}

Result<std::optional<std::uint64_t>> read_key(const os::CgroupDir& cgroup, const std::string& file, std::string_view key) {
  const auto text = UBC_TRY(read_if_there(cgroup, file));
  if (!text) return std::nullopt;
  return value_of(UBC_TRY(os::parse_key_values(*text)), key);
}

Result<> read_stat(const os::CgroupDir& cgroup, MemoryReadings& readings) {
  const auto text = UBC_TRY(read_if_there(cgroup, "memory.stat"));
  if (!text) return {};
  const auto values = UBC_TRY(os::parse_key_values(*text));
  readings.kernel_bytes = value_of(values, "kernel");
  readings.reclaimable_bytes = value_of(values, "slab_reclaimable");
  const auto inactive = value_of(values, "inactive_anon"), active = value_of(values, "active_anon"),
             unevictable = value_of(values, "unevictable");
  if (inactive && active && unevictable) readings.unfiled_bytes = *inactive + *active + *unevictable;
  return {};
}

std::string knob_text(Limit limit) { return limit.is_unlimited() ? "max" : std::to_string(limit.raw() * kPageSize); }

/// ENOENT means that the memory controller is off in the parent.
Result<> write_memory(const os::CgroupDir& cgroup, const std::string& file, const std::string& text) {
  auto wrote = cgroup.write(file, text);
  if (!wrote && wrote.error().code == Code::not_found)
    return os::error(Code::unsupported,
                     "set {} of {}: this host has no cgroup v2 memory controller there; boot without cgroup v1, or leave physpages, "
                     "swappages and vmguarpages unlimited",
                     file, cgroup.path());
  return wrote;
}

void merge(Beancounter& counter, std::optional<std::uint64_t> held, std::optional<std::uint64_t> peak) {
  if (!held) return;
  counter.held = *held;
  counter.maxheld = std::max({counter.maxheld, *held, peak.value_or(0)});
}

std::optional<std::uint64_t> pages(std::optional<std::uint64_t> bytes) { return bytes ? std::optional{*bytes / kPageSize} : std::nullopt; }

}  // namespace

Result<MemoryReadings> read_memory(const os::CgroupDir& cgroup, MemoryParts parts) {
  MemoryReadings readings;
  readings.current_bytes = UBC_TRY(read_number(cgroup, "memory.current"));
  readings.peak_bytes = UBC_TRY(read_number(cgroup, "memory.peak"));
  readings.swap_bytes = UBC_TRY(read_number(cgroup, "memory.swap.current"));
  readings.swap_peak_bytes = UBC_TRY(read_number(cgroup, "memory.swap.peak"));
  if (parts == MemoryParts::all) UBC_TRY(read_stat(cgroup, readings));
  if (const auto text = UBC_TRY(read_if_there(cgroup, "memory.events"))) {
    const auto events = UBC_TRY(os::parse_key_values(*text));
    readings.max_hits = value_of(events, "max").value_or(0);
    readings.oom_kills = value_of(events, "oom_kill").value_or(0);
  }
  readings.swap_failures = UBC_TRY(read_key(cgroup, "memory.swap.events", "max")).value_or(0);
  return readings;
}

void merge_memory(Snapshot& snapshot, const MemoryReadings& readings) {
  merge(snapshot.of(UBC_PHYSPAGES), pages(readings.current_bytes), pages(readings.peak_bytes));
  merge(snapshot.of(UBC_SWAPPAGES), pages(readings.swap_bytes), pages(readings.swap_peak_bytes));
  if (const auto all = readings.kernel_bytes)
    merge(snapshot.of(UBC_KMEMSIZE), *all - std::min(*all, readings.reclaimable_bytes.value_or(0)), std::nullopt);
  merge(snapshot.of(UBC_DCACHESIZE), readings.reclaimable_bytes, std::nullopt);
  if (readings.unfiled_bytes)
    merge(snapshot.of(UBC_OOMGUARPAGES), pages(*readings.unfiled_bytes + readings.swap_bytes.value_or(0)), std::nullopt);
  snapshot.of(UBC_OOMGUARPAGES).failcnt = readings.oom_kills;
  snapshot.of(UBC_PHYSPAGES).failcnt = readings.max_hits;
  snapshot.of(UBC_SWAPPAGES).failcnt = readings.swap_failures;
}

Result<std::optional<std::uint64_t>> write_physpages(const os::CgroupDir& cgroup, const Limits& limits) {
  // OpenVZ's barrier of physpages is 0 in every sample and means nothing there: only a barrier between 0 and the limit slows down.
  const Limit high = limits.barrier.raw() == 0 ? Limit::unlimited() : limits.barrier;
  UBC_TRY(write_memory(cgroup, "memory.high", knob_text(high)));
  if (!limits.limit.is_unlimited()) {
    const std::uint64_t wanted = limits.limit.raw() * kPageSize;
    std::uint64_t now = UBC_TRY(read_number(cgroup, "memory.current")).value_or(0);
    if (now > wanted) {
      (void)cgroup.write("memory.reclaim", std::to_string(now - wanted));   // as much as it can
      now = UBC_TRY(read_number(cgroup, "memory.current")).value_or(0);
    }
    if (now > wanted) {
      const std::uint64_t room = now / kPageSize * kPageSize + 64 * kPageSize;
      UBC_TRY(write_memory(cgroup, "memory.max", std::to_string(room)));
      return room;
    }
  }
  UBC_TRY(write_memory(cgroup, "memory.max", knob_text(limits.limit)));
  return std::nullopt;
}

Result<> write_swappages(const os::CgroupDir& cgroup, const Limits& limits) {
  return write_memory(cgroup, "memory.swap.max", knob_text(limits.limit));
}

std::uint64_t guaranteed_bytes(const Limits& vmguarpages) {
  return vmguarpages.barrier.is_unlimited() ? 0 : vmguarpages.barrier.raw() * kPageSize;
}

Result<> write_memory_low(const os::CgroupDir& cgroup, std::uint64_t bytes) {
  return write_memory(cgroup, "memory.low", std::to_string(bytes));
}

int oom_score_adj_for(const Limits& oomguarpages, std::uint64_t memory_bytes) {
  constexpr std::uint64_t kMost = 999;
  if (oomguarpages.barrier.is_unlimited() || memory_bytes < kPageSize) return 0;
  const std::uint64_t all = memory_bytes / kPageSize, guaranteed = oomguarpages.barrier.raw();
  if (guaranteed >= all) return -static_cast<int>(kMost);
  return -static_cast<int>(std::min(kMost, (guaranteed * 1000 + all - 1) / all));   // rounded up: what is guaranteed is
}

}  // namespace ubc::accounting

// SPDX-License-Identifier: Apache-2.0
// What a scrape finds: read anew each time, since the ledger costs no system call per beancounter.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accounting/beancounter.h"
#include "bpf/attached_hooks.h"
#include "container/host.h"
#include "container/ledger_audit.h"
#include "exporter/collectors.h"
#include "exporter/usage_reading.h"
#include "os/result.h"

namespace ubc::exporter {

/// A running container. Without hooks only what the memory controller counts is known of it.
struct ContainerReading {
  std::uint32_t id = 0;
  std::string name, hostname, ostemplate;   ///< empty where not said
  std::string cgroup;                       ///< its path
  std::string group;                        ///< that pays with it; empty: none
  bool adopted = false;
  bool counted_by_hooks = false;
  std::optional<std::int64_t> started_at;   ///< seconds since the epoch; of an adopted one nobody knows
  accounting::Snapshot counters = {};
  std::array<std::optional<double>, UBC_RESOURCES> last_refused = {};   ///< by resource: seconds since the epoch
  ContainerUsage usage = {};
};

/// Whether the number means something: without hooks only the memory controller counts.
[[nodiscard]] bool is_known(const ContainerReading& container, const accounting::ResourceInfo& info);

/// Of the kernel's side; only where hooks are attached.
struct HooksReading {
  ubc_health health{};
  std::vector<bpf::HookStatus> programs;
  std::uint64_t audited_misses = 0;   ///< of programs that the kernel skipped: what an audit has healed
  std::uint64_t events = 0;           ///< refusals that were logged
};

struct HostReading {
  std::vector<ContainerReading> running;
  std::vector<std::uint32_t> stopped;
  std::optional<HostTotals> totals;
  CollectorSet collected = CollectorSet::all();
  std::optional<HooksReading> hooks;
  std::optional<container::LedgerAudit> audit;   ///< the last one
  std::vector<Error> failures;   ///< of what could not be read; the rest is there all the same
};

[[nodiscard]] HostReading read_host(const container::Host& host, const CollectorSet& wanted);

}  // namespace ubc::exporter

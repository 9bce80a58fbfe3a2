// SPDX-License-Identifier: Apache-2.0
// What a container uses besides its beancounters, and what the host has and can do: only what the collectors asked for.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "accounting/cgroup_usage.h"
#include "accounting/host_memory.h"
#include "accounting/usage_rows.h"
#include "bpf/hook_plan.h"
#include "container/host.h"
#include "container/network.h"
#include "exporter/collectors.h"
#include "os/project_quota.h"
#include "os/result.h"

namespace ubc::exporter {

struct ContainerUsage {
  bool suspended = false;
  std::optional<accounting::CpuUsage> cpu;
  accounting::CpuShare share;
  std::map<std::string, std::uint64_t, std::less<>> memory_events;
  std::optional<accounting::MemoryUse> memory;   ///< only for cAdvisor's names
  accounting::Pressures pressures;
  std::vector<accounting::DeviceIo> block_io;
  std::optional<os::ProjectUse> disk;         ///< of a guest whose file system counts it
  std::optional<container::RefusedPackets> refused;   ///< of a guest
  std::vector<accounting::Traffic> traffic;   ///< of a guest's links; an adopted container may share the host's network
};

struct HostTotals {
  accounting::HostMemory memory;
  std::uint64_t cpus = 0;
  accounting::Pressures pressures;
};

/// What `ubctl features` says. Learnt by loading: once, not at each scrape.
struct Abilities {
  bpf::KernelSupport kernel;
  bpf::HookPlan plan;
  bool memory_controller = false;
};

/// As rows, without limits. (Pure.)
[[nodiscard]] std::vector<accounting::UsageRow> rows_of(const ContainerUsage& usage);
/// What the kernel has not is absent.
[[nodiscard]] Result<ContainerUsage> read_usage(const os::CgroupDir& cgroup, const CollectorSet& wanted);
[[nodiscard]] Result<HostTotals> read_totals(const container::Host& host);
[[nodiscard]] Abilities probe_abilities(const container::Host& host);

}  // namespace ubc::exporter

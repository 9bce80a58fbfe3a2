// SPDX-License-Identifier: Apache-2.0
#include "exporter/usage_reading.h"

#include <sys/sysinfo.h>

#include "bpf/kernel_support.h"

namespace ubc::exporter {

Result<ContainerUsage> read_usage(const os::CgroupDir& cgroup, const CollectorSet& wanted) {
  ContainerUsage usage;
  usage.suspended = UBC_TRY(accounting::is_frozen(cgroup));
  if (wanted.has(Collector::cpu)) {
    usage.cpu = UBC_TRY(accounting::read_cpu_usage(cgroup));
    usage.share = UBC_TRY(accounting::read_cpu_share(cgroup));
  }
  if (wanted.has(Collector::memory)) usage.memory_events = UBC_TRY(accounting::read_memory_events(cgroup));
  if (wanted.has(Collector::cadvisor)) usage.memory = UBC_TRY(accounting::read_memory_use(cgroup));
  if (wanted.has(Collector::pressure)) usage.pressures = UBC_TRY(accounting::read_pressures(cgroup));
  if (wanted.has(Collector::io)) usage.block_io = UBC_TRY(accounting::read_io(cgroup));
  return usage;
}

std::vector<accounting::UsageRow> rows_of(const ContainerUsage& usage) {
  std::vector<accounting::UsageRow> rows;
  const auto append = [&](const std::vector<accounting::UsageRow>& more) { rows.insert(rows.end(), more.begin(), more.end()); };
  if (usage.disk) append(accounting::disk_rows(*usage.disk));
  if (usage.cpu) append(accounting::cpu_rows(*usage.cpu, usage.share));
  append(accounting::io_rows(usage.block_io, {}));
  if (!usage.traffic.empty()) append(accounting::traffic_rows(usage.traffic, {}));
  return rows;
}

Result<HostTotals> read_totals(const container::Host& host) {
  HostTotals totals;
  totals.memory = UBC_TRY(accounting::read_host_memory(host.paths.proc + "/meminfo"));
  totals.cpus = static_cast<std::uint64_t>(::get_nprocs());
  totals.pressures = UBC_TRY(accounting::read_host_pressures(host.paths.proc));
  return totals;
}

Abilities probe_abilities(const container::Host& host) {
  Abilities abilities;
  abilities.kernel = bpf::probe_kernel();
  abilities.memory_controller = container::check_cgroups(host).has_value();
  abilities.plan = bpf::decide_hooks(abilities.kernel, abilities.memory_controller);
  return abilities;
}

}  // namespace ubc::exporter

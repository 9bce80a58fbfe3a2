// SPDX-License-Identifier: Apache-2.0
// Of the host rather than a container: what it has, what it can do, how its hooks fare.
#include <algorithm>
#include <iterator>
#include <string>

#include "accounting/commitment.h"
#include "exporter/family_parts.h"
#include "os/text_file.h"

namespace ubc::exporter {
namespace {

using enum Kind;

/// By enum ubc_loss.
constexpr const char* kLossReasons[] = {"object_table_full", "object_refused",  "refusal_not_logged", "uncharge_too_much",
                                        "free_missed",       "refusal_skipped", "accept_over",        "cgroup_unmapped"};
static_assert(std::size(kLossReasons) == UBC_LOSSES);

void write_host_pressures(const accounting::Pressures& pressures, Exposition& out) {
  out.family("ubc_host_pressure_waiting_seconds_total", counter, "Time in which some task of the host waited for the resource");
  for (const auto& [resource, pressure] : pressures) out.sample({{"resource", resource}}, pressure.some);
  out.family("ubc_host_pressure_stalled_seconds_total", counter, "Time in which no task of the host ran, for want of the resource");
  for (const auto& [resource, pressure] : pressures)
    if (pressure.full) out.sample({{"resource", resource}}, *pressure.full);
}

void write_commitment(const HostReading& host, const accounting::HostMemory& memory, Exposition& out) {
  if (!out.family("ubc_host_commitment_ratio", gauge,
                  "What running containers use and were promised of the host's memory, as ubctl commitment has it; no series: unlimited"))
    return;
  std::vector<accounting::Commitment> each;
  for (const ContainerReading& container : host.running) each.push_back(accounting::commitment_of(container.counters));
  const accounting::Commitment sum = accounting::sum_of(each);
  for (std::size_t i = 0; i < sum.size(); ++i)
    if (const double capacity = accounting::capacity_of(memory, accounting::kCommitments[i].against); sum[i] && capacity > 0)
      out.sample({{"commitment", accounting::kCommitments[i].name}}, *sum[i] / capacity);
}

}  // namespace

void write_host(const HostReading& host, Exposition& out) {
  if (!host.totals) return;
  out.one("ubc_host_memory_bytes", gauge, "The host's RAM", host.totals->memory.ram_bytes);
  out.one("ubc_host_swap_bytes", gauge, "The host's swap space", host.totals->memory.swap_bytes);
  out.one("ubc_host_cpus", gauge, "The host's CPUs that are online", host.totals->cpus);
  write_host_pressures(host.totals->pressures, out);
  write_commitment(host, host.totals->memory, out);
}

void write_capabilities(const Abilities& abilities, Exposition& out) {
  const bpf::KernelSupport& kernel = abilities.kernel;
  out.family("ubc_host_capability", gauge, "1: this host can, as ubctl features has it; enforce: refuse by hooks all that it should");
  const std::pair<const char*, std::optional<bool>> features[] = {
      {"enforce", abilities.plan.can_enforce()},
      {"memory_controller", abilities.memory_controller},
      {"btf", kernel.btf.present},
      {"lsm", kernel.lsm.present},
      {"lsm_file_alloc", kernel.lsm_file_alloc.present},
      {"fmod_ret", kernel.fmod_ret.present},
      {"fentry", kernel.fentry.present},
      {"kprobe", kernel.kprobe.present},
      {"iterators", kernel.iterators.present},
      {"preemptible", kernel.preemptible},
  };
  for (const auto& [feature, present] : features)
    if (present) out.sample({{"feature", feature}}, *present);
  out.family("ubc_resource_mode", gauge, "How well this host keeps the resource: exact, kernel, sampled or off");
  for (const accounting::ResourceInfo& info : accounting::kResources)
    out.sample({{"resource", info.name}, {"mode", bpf::name_of(abilities.plan.modes[info.resource].mode)}}, 1);
}

/// Nothing where the host does not count runs.
void write_program_runs(const std::vector<bpf::HookStatus>& programs, Exposition& out) {
  if (std::ranges::none_of(programs, [](const bpf::HookStatus& hook) { return hook.runs != 0; })) return;
  out.family("ubc_bpf_program_runs_total", counter, "Times that the program ran while kernel.bpf_stats_enabled was 1");
  for (const bpf::HookStatus& hook : programs) out.sample({{"program", os::printable(hook.program)}}, hook.runs);
  out.family("ubc_bpf_program_seconds_total", counter, "How long it ran then");
  for (const bpf::HookStatus& hook : programs)
    out.sample({{"program", os::printable(hook.program)}}, static_cast<double>(hook.run_ns) / 1e9);
}

void write_audit(const container::LedgerAudit& audit, Exposition& out) {
  const auto each = [&](const char* in_items, const char* in_bytes, const char* help, auto value) {
    for (const bool items : {true, false}) {
      if (!out.family(items ? in_items : in_bytes, gauge, help)) continue;
      for (const auto& [resource, drift] : audit.sums) {
        const accounting::ResourceInfo& info = *accounting::info_of(resource);
        const double pages = info.unit == accounting::Unit::pages ? static_cast<double>(accounting::kPageSize) : 1.0;
        if ((info.unit == accounting::Unit::items) == items)
          out.sample({{"resource", info.name}}, static_cast<double>(value(drift)) * pages);
      }
    }
  };
  each("ubc_ledger_drift_items", "ubc_ledger_drift_bytes", "What the books say is held, less what ubctl audit last found alive",
       [](const accounting::Drift& drift) { return drift.drift; });
  each("ubc_ledger_missed_items", "ubc_ledger_missed_bytes", "What ubctl audit last found alive that no container is charged for",
       [](const accounting::Drift& drift) { return drift.missed; });
  out.one("ubc_audit_last_run_timestamp_seconds", gauge, "When ubctl audit ran last, in seconds since the epoch", audit.at);
  out.one("ubc_audit_duration_seconds", gauge, "How long it took", audit.seconds);
}

void write_hooks(const HostReading& host, Exposition& out) {
  out.one("ubc_hooks_attached", gauge, "1: hooks count and refuse on this host", host.hooks ? 1 : 0);
  if (!host.hooks) return;
  out.family("ubc_losses_total", counter, "What the hooks could not count or report, by reason");
  for (std::size_t i = 0; i < std::size(kLossReasons); ++i) out.sample({{"reason", kLossReasons[i]}}, host.hooks->health.losses[i]);
  out.one("ubc_overflow_records", gauge, "Charged objects in the hash map beside the object table", host.hooks->health.overflow_records);
  out.family("ubc_bpf_program_missed_total", counter, "Times that the kernel skipped a program");
  std::uint64_t missed = 0;
  for (const bpf::HookStatus& hook : host.hooks->programs) {
    out.sample({{"program", os::printable(hook.program)}}, hook.recursion_misses);
    missed += hook.recursion_misses;
  }
  out.one("ubc_bpf_unaudited_misses", gauge, "Skipped programs that no audit has healed yet",
          missed - std::min(missed, host.hooks->audited_misses));
  write_program_runs(host.hooks->programs, out);
  out.one("ubc_events_total", counter, "Events that the hooks logged", host.hooks->events, {{"type", "refusal"}});
}

}  // namespace ubc::exporter

// SPDX-License-Identifier: Apache-2.0
#include "exporter/reading.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "accounting/cgroup_knobs.h"
#include "accounting/config_file.h"
#include "bpf/ledger.h"
#include "bpf/refusal_log.h"
#include "container/adopted_record.h"
#include "container/container.h"
#include "container/disk_quota.h"
#include "container/group_record.h"
#include "container/refusals.h"
#include "container/running_container.h"
#include "container/tuning.h"
#include "container/usage.h"

namespace ubc::exporter {
namespace {

using container::Host;
using container::RunningContainer;

/// What is known of it before its counters are read.
ContainerReading reading_of(const RunningContainer& found) {
  ContainerReading reading;
  reading.id = found.id;
  reading.name = found.name;
  reading.hostname = found.config.get("HOSTNAME").value_or("");
  reading.ostemplate = found.config.get("OSTEMPLATE").value_or("");
  reading.cgroup = found.cgroup.path();
  reading.adopted = found.adopted;
  reading.started_at = found.started_at;
  return reading;
}

/// No hooks: the numbers are the configuration's, what is held is the memory controller's.
Result<accounting::Snapshot> read_uncounted(const RunningContainer& found, const os::CgroupDir& cgroup) {
  accounting::Snapshot counters;
  const auto limits = UBC_TRY(container::effective_limits(found.config));
  for (const accounting::ResourceInfo& info : accounting::kResources)
    if (const auto& said = limits[info.resource]) {
      counters.of(info.resource).barrier = said->barrier.raw();
      counters.of(info.resource).limit = said->limit.raw();
    }
  accounting::merge_memory(counters, UBC_TRY(accounting::read_memory(cgroup)));
  return counters;
}

/// Of those resources that something was refused of: only then is the kernel asked.
Result<> read_last_refusals(const Host& host, std::uint32_t slot, ContainerReading& container) {
  const auto refused = [&](const accounting::ResourceInfo& info) { return container.counters.of(info.resource).failcnt != 0; };
  if (std::ranges::none_of(accounting::kResources, refused)) return {};
  const bpf::LastRefusals last = UBC_TRY(bpf::LastRefusals::open(slot, host.paths.pins));
  for (const accounting::ResourceInfo& info : accounting::kResources)
    if (const auto raw = last.of(info.resource)) {
      const auto at = std::chrono::floor<std::chrono::milliseconds>(container::wall_time(raw->time_ns)).time_since_epoch();
      container.last_refused[info.resource] = std::chrono::duration<double>(at).count();
    }
  return {};
}

Result<std::optional<ContainerReading>> read_container(const Host& host, std::uint32_t id, bpf::Ledger* ledger,
                                                       const accounting::TrafficByDevice& traffic, const CollectorSet& wanted) {
  const auto found = UBC_TRY(container::find_running(host, id));
  if (!found) return std::nullopt;
  const os::CgroupDir& cgroup = found->cgroup;
  ContainerReading reading = reading_of(*found);
  reading.group = container::group_of(host, id);
  reading.counted_by_hooks = ledger != nullptr && found->slot != 0;
  if (reading.counted_by_hooks)
    reading.counters = UBC_TRY(container::read_counted(*ledger, found->slot, cgroup));
  else
    reading.counters = UBC_TRY(read_uncounted(*found, cgroup));
  if (reading.counted_by_hooks && wanted.has(Collector::refusals)) UBC_TRY(read_last_refusals(host, found->slot, reading));
  reading.usage = UBC_TRY(read_usage(cgroup, wanted));
  if (wanted.has(Collector::disk) && !found->adopted) reading.usage.disk = container::disk_use(host, id);
  if (wanted.has(Collector::network) && !found->links.empty()) reading.usage.refused = container::refused_packets(host, id);
  reading.usage.traffic = container::traffic_of(found->links, traffic);
  return reading;
}

/// Opened at each scrape: hooks that were detached and attached again have another ledger.
Result<bpf::Ledger> open_books(const Host& host, HooksReading& hooks) {
  bpf::Ledger ledger = UBC_TRY(container::open_whole_ledger(host));
  hooks.health = ledger.health();
  hooks.programs = UBC_TRY(bpf::read_hook_status(host.paths.pins));
  hooks.audited_misses = ledger.settings().audited_misses;
  hooks.events = UBC_TRY(bpf::RefusalLog::open(host.paths.pins)).written();
  return ledger;
}

/// One that ended while it was read has not failed.
bool ended_meanwhile(const Host& host, std::uint32_t id) {
  return !container::read_adopted(host, id).has_value() && !container::running(host, id).has_value();
}

}  // namespace

bool is_known(const ContainerReading& container, const accounting::ResourceInfo& info) {
  return container.counted_by_hooks || std::ranges::find(bpf::kSampledResources, info.resource) != std::end(bpf::kSampledResources);
}

HostReading read_host(const Host& host, const CollectorSet& wanted) {
  HostReading reading;
  reading.collected = wanted;
  std::optional<bpf::Ledger> ledger;
  if (bpf::hooks_attached(host.paths.pins)) {
    HooksReading hooks;
    if (auto opened = os::with_context(open_books(host, hooks), "reading the hooks' books")) {
      ledger = *std::move(opened);
      reading.hooks = std::move(hooks);
    } else {
      reading.failures.push_back(opened.error());
    }
  }
  const auto keep = [&](auto read, auto& into) {
    if (read)
      into = *std::move(read);
    else
      reading.failures.push_back(read.error());
  };
  if (wanted.has(Collector::host)) keep(read_totals(host), reading.totals);
  if (wanted.has(Collector::audit)) keep(container::last_audit(host), reading.audit);
  accounting::TrafficByDevice traffic;
  if (wanted.has(Collector::network)) keep(accounting::read_host_traffic(host.paths.proc), traffic);
  for (const std::uint32_t id : container::known_ids(host)) {
    auto read =
        os::with_context(read_container(host, id, ledger ? &*ledger : nullptr, traffic, wanted), fmt::format("reading container {}", id));
    if (read && *read)
      reading.running.push_back(**std::move(read));
    else if (read || ended_meanwhile(host, id))
      reading.stopped.push_back(id);
    else
      reading.failures.push_back(read.error());
  }
  return reading;
}

}  // namespace ubc::exporter

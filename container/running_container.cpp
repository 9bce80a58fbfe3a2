// SPDX-License-Identifier: Apache-2.0
#include "container/running_container.h"

#include "bpf/attached_hooks.h"
#include "container/adopted_record.h"
#include "container/container.h"
#include "container/tuning.h"

namespace ubc::container {

Result<std::optional<RunningContainer>> find_running(const Host& host, std::uint32_t id) {
  RunningContainer found;
  found.id = id;
  if (auto adopted = read_adopted(host, id)) {
    auto cgroup = UBC_TRY(cgroup_of_adopted(host, *adopted));
    if (!cgroup) return std::nullopt;
    found.cgroup = *std::move(cgroup);
    found.adopted = true;
    found.name = std::move(adopted->name);
    found.slot = adopted->slot;
    found.group = std::move(adopted->group);
    found.source = std::move(adopted->source);
    return found;
  }
  auto guest = running(host, id);
  if (!guest) return std::nullopt;
  found.init = guest->record.init_pid;
  found.started_at = guest->record.started_at;
  found.config = UBC_TRY(accounting::ConfigFile::load(host.paths.config_of(id)));
  found.links = links_of(id, guest->record);
  found.name = found.config.get("NAME").value_or("");
  found.slot = UBC_TRY(slot_of(host, id));
  found.group = std::move(guest->record.group);
  found.addresses = std::move(guest->record.addresses);
  found.cgroup = UBC_TRY(os::CgroupDir::open(host.paths.cgroup_of(id, found.group)));
  return found;
}

Result<std::optional<RunningContainer>> find_unless_ending(const Host& host, std::uint32_t id) {
  auto found = find_running(host, id);
  if (!found && found.error().code == Code::not_found) return std::nullopt;
  return found;
}

Result<bpf::Ledger> open_whole_ledger(const Host& host) {
  bpf::Ledger ledger = UBC_TRY(bpf::Ledger::open(host.paths.pins));
  UBC_TRY(bpf::audit_if_needed(ledger, host.paths.pins));
  UBC_TRY(bpf::publish_counts(0, host.paths.pins));
  return ledger;
}

Result<accounting::Snapshot> Counters::of(const RunningContainer& container) {
  if (container.slot == 0 || (!ledger_ && !bpf::hooks_attached(host_.paths.pins))) return snapshot(host_, container.id);
  if (!ledger_) ledger_ = UBC_TRY(open_whole_ledger(host_));
  if (!memory_) return counters_of(*ledger_, container.slot);
  return read_counted(*ledger_, container.slot, container.cgroup);
}

}  // namespace ubc::container

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
  if (const auto adopted = read_adopted(host, id)) {
    found.adopted = true;
    found.name = adopted->name;
    found.slot = adopted->slot;
  } else {
    const auto guest = running(host, id);
    if (!guest) return std::nullopt;
    found.init = guest->record.init_pid;
    found.started_at = guest->record.started_at;
    found.config = UBC_TRY(accounting::ConfigFile::load(host.paths.config_of(id)));
    found.links = links_of(id, guest->record);
    found.name = found.config.get("NAME").value_or("");
    found.slot = UBC_TRY(slot_of(host, id));
  }
  found.cgroup = cgroup_path_of(host, id);
  return found;
}

Result<bpf::Ledger> open_whole_ledger(const Host& host) {
  bpf::Ledger ledger = UBC_TRY(bpf::Ledger::open(host.paths.pins));
  UBC_TRY(bpf::audit_if_needed(ledger, host.paths.pins));
  UBC_TRY(bpf::publish_counts(0, host.paths.pins));
  return ledger;
}

Result<accounting::Snapshot> Counters::of(std::uint32_t id, bool running) {
  const std::uint32_t slot = running && bpf::hooks_attached(host_.paths.pins) ? UBC_TRY(slot_of(host_, id)) : 0;
  if (slot == 0) return snapshot(host_, id);
  if (!ledger_) ledger_ = UBC_TRY(open_whole_ledger(host_));
  if (!memory_) return counters_of(*ledger_, slot);
  return read_counted(*ledger_, slot, UBC_TRY(os::CgroupDir::open(cgroup_path_of(host_, id))));
}

}  // namespace ubc::container

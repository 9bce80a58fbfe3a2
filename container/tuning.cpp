// SPDX-License-Identifier: Apache-2.0
#include "container/tuning.h"

#include <algorithm>
#include <iterator>

#include "accounting/census.h"
#include "accounting/cgroup_knobs.h"
#include "accounting/vswap.h"
#include "bpf/attached_hooks.h"
#include "bpf/refusal_log.h"
#include "container/adopted_record.h"
#include "container/container.h"
#include "container/guarantees.h"
#include "container/process_limits.h"
#include "os/process.h"

namespace ubc::container {
namespace {

using accounting::kResources;
using accounting::Limits;
using accounting::ResourceInfo;

/// The kernel counts these by the uid that made the user namespace: only a guest of ours has one of its own.
constexpr ubc_resource kCountedByUid[] = {UBC_NUMSIGINFO, UBC_NUMINOTIFY, UBC_NUMWATCH, UBC_NUMUSERNS};

/// Not those of an adopted container: release could not know what each of them had before.
Result<> limit_processes(const Host& host, std::uint32_t id, const AllLimits& limits) {
  if (limits[UBC_OOMGUARPAGES]) UBC_TRY(guarantee_against_oom(host, id, *limits[UBC_OOMGUARPAGES]));
  return limits[UBC_LOCKEDPAGES] ? limit_locks(host, id, *limits[UBC_LOCKEDPAGES]) : Result<>{};
}

Result<> apply_memory(const Host& host, std::uint32_t id, const AllLimits& limits, std::vector<std::string>& notes) {
  const auto& ram = limits[UBC_PHYSPAGES];
  const auto& swap = limits[UBC_SWAPPAGES];
  if (limits[UBC_VMGUARPAGES])
    UBC_TRY(guarantee_memory(host, cgroup_path_of(host, id), accounting::guaranteed_bytes(*limits[UBC_VMGUARPAGES])));
  if (!read_adopted(host, id)) UBC_TRY(limit_processes(host, id, limits));
  if (!ram && !swap) return {};
  const os::CgroupDir cgroup = UBC_TRY(os::CgroupDir::open(cgroup_path_of(host, id)));
  if (ram)
    if (const auto bytes = UBC_TRY(accounting::write_physpages(cgroup, *ram)))
      notes.push_back(
          fmt::format("Container {} holds more memory than the new physpages limit: it may not grow beyond {} now, and setting it again "
                      "later brings it down",
                      id, accounting::format_amount(accounting::Unit::bytes, *bytes)));
  return swap ? accounting::write_swappages(cgroup, *swap) : Result<>{};
}

/// Publishes the controller's numbers in the ledger, so that every reader of it has them, and a reader of a container that has ended.
Result<> note_memory(bpf::Ledger& ledger, std::uint32_t slot, const os::CgroupDir& cgroup,
                     accounting::MemoryParts parts = accounting::MemoryParts::all) {
  accounting::Snapshot readings = counters_of(ledger, slot);
  accounting::merge_memory(readings, UBC_TRY(accounting::read_memory(cgroup, parts)));
  for (const ubc_resource resource : bpf::kSampledResources) {
    const accounting::Beancounter& now = readings.of(resource);
    ledger.note_sampled(slot, resource, {.held = now.held, .maxheld = now.maxheld, .failcnt = now.failcnt});
  }
  return {};
}

/// Fails with Code::busy where the slot is charged for what its group of then paid with it.
Result<> check_idle(const bpf::Ledger& ledger, std::uint32_t id, std::uint32_t slot) {
  if (ledger.idle(slot)) return {};
  std::string held;
  for (const ResourceInfo& info : kResources)
    if (const std::uint64_t now = ledger.read(slot, info.resource).held; now != 0)
      held += fmt::format("{}{} {}", held.empty() ? "" : ", ", info.name, now);
  return os::error(
      Code::busy,
      "container {} can't change its group yet: what it held there is not gone ({}); sockets take a minute to close, and what was "
      "passed to a process outside goes with that; try again then",
      id, held);
}

}  // namespace

bool is_finite(const Limits& limits) { return !limits.barrier.is_unlimited() || !limits.limit.is_unlimited(); }

Result<> attach_hooks_for(const Host& host, const AllLimits& limits) {
  for (const ResourceInfo& info : kResources)
    if (const auto& wanted = limits[info.resource]; wanted && is_finite(*wanted)) UBC_TRY(ensure_group(host, bpf::group_of(info.resource)));
  return {};
}

AllLimits limits_now(const bpf::Ledger& ledger, std::uint32_t slot, const AllLimits& touched) {
  AllLimits now;
  for (const ResourceInfo& info : kResources)
    if (touched[info.resource]) {
      const ubc_counter counter = ledger.read(slot, info.resource);
      now[info.resource] = Limits{accounting::Limit::at(counter.barrier), accounting::Limit::at(counter.limit)};
    }
  return now;
}

Result<AllLimits> limits_in(const accounting::ConfigFile& config) {
  AllLimits limits;
  for (const ResourceInfo& info : kResources) limits[info.resource] = UBC_TRY(config.limits(info));
  return limits;
}

Result<double> overcommit_in(const accounting::ConfigFile& config) {
  const auto text = config.get("VM_OVERCOMMIT");
  return text ? accounting::parse_overcommit(*text) : 0.0;
}

Result<AllLimits> effective_limits(const accounting::ConfigFile& config) {
  const AllLimits said = UBC_TRY(limits_in(config));
  const double overcommit = UBC_TRY(overcommit_in(config));
  return accounting::with_vswap_defaults(said, overcommit);
}

Result<> take_slot(const Host& host, bpf::Ledger& ledger, std::uint32_t id, std::uint32_t slot, std::uint32_t group_slot,
                   const std::string& cgroup) {
  const bool other_group = ledger.group_of(slot) != group_slot;
  if (other_group) UBC_TRY(check_idle(ledger, id, slot));
  ledger.reset(slot);
  if (other_group) UBC_TRY(ledger.join(slot, group_slot));
  UBC_TRY(bpf::LastRefusals::open(slot, host.paths.pins)).forget();
  const os::CgroupDir directory = UBC_TRY(os::CgroupDir::open(cgroup));
  const std::uint64_t cgroup_id = UBC_TRY(directory.id());
  return bpf::announce(slot, {.cgroup_id = cgroup_id, .id = id, .reserved = 0}, host.paths.pins);
}

void note_gaps_of_adopted(const AllLimits& said, std::vector<std::string>& notes) {
  std::string by_uid;
  for (const ResourceInfo& info : kResources) {
    const auto& wanted = said[info.resource];
    if (!wanted || !is_finite(*wanted)) continue;
    if (std::ranges::find(kCountedByUid, info.resource) != std::end(kCountedByUid))
      by_uid += fmt::format("{}{}", by_uid.empty() ? "" : ", ", info.name);
  }
  const auto says = [&](ubc_resource resource) { return said[resource] && is_finite(*said[resource]); };
  if (says(UBC_OOMGUARPAGES)) notes.push_back("oomguarpages is only counted in an adopted container: the OOM killer chooses as before");
  if (says(UBC_LOCKEDPAGES)) notes.push_back("lockedpages of an adopted container does not bound mlock(), only counts it");
  if (!by_uid.empty()) notes.push_back(fmt::format("Not counted in an adopted container, so not limited: {}", by_uid));
}

Result<> apply_limits(const Host& host, std::uint32_t id, bpf::Ledger* ledger, std::uint32_t slot, const AllLimits& limits,
                      std::vector<std::string>& notes) {
  if (ledger != nullptr) UBC_TRY(attach_hooks_for(host, limits));   // the parts that can fail come first
  UBC_TRY(apply_memory(host, id, limits, notes));
  if (ledger == nullptr) return {};
  for (const ResourceInfo& info : kResources)
    if (const auto& wanted = limits[info.resource]) ledger->set_limits(slot, info.resource, wanted->barrier.raw(), wanted->limit.raw());
  return {};
}

Result<> tune(const Host& host, std::uint32_t id, const AllLimits& limits, std::vector<std::string>& notes) {
  const auto adopted = read_adopted(host, id);
  if (!adopted && !running(host, id)) return os::error(Code::bad_state, "Unable to apply UBC parameters: container is not running");
  if (adopted) UBC_TRY(keep_knobs(host, *adopted, limits));
  const std::uint32_t slot = UBC_TRY(slot_of(host, id));
  if (adopted) note_gaps_of_adopted(limits, notes);
  if (slot == 0 || !bpf::hooks_attached(host.paths.pins)) return apply_limits(host, id, nullptr, slot, limits, notes);
  bpf::Ledger ledger = UBC_TRY(bpf::Ledger::open_one(slot, host.paths.pins));
  const AllLimits before = limits_now(ledger, slot, limits);
  auto applied = apply_limits(host, id, &ledger, slot, limits, notes);
  if (!applied) {
    std::vector<std::string> unheard;
    (void)apply_memory(host, id, before, unheard);
  }
  return applied;
}

accounting::Snapshot counters_of(const bpf::Ledger& ledger, std::uint32_t slot) {
  accounting::Snapshot result;
  for (const ResourceInfo& info : kResources) {
    const ubc_counter c = ledger.read(slot, info.resource);
    result.of(info.resource) = {c.held, c.maxheld, c.barrier, c.limit, c.failcnt};
  }
  return result;
}

Result<accounting::Snapshot> read_counted(bpf::Ledger& ledger, std::uint32_t slot, const os::CgroupDir& cgroup) {
  UBC_TRY(note_memory(ledger, slot, cgroup));
  return counters_of(ledger, slot);
}

Result<accounting::Snapshot> snapshot(const Host& host, std::uint32_t id) {
  accounting::Snapshot result;
  const auto set_limits = [&](const ResourceInfo& info, const std::optional<Limits>& limits) {
    if (!limits) return;
    result.of(info.resource).barrier = limits->barrier.raw();
    result.of(info.resource).limit = limits->limit.raw();
  };
  const auto adopted = read_adopted(host, id);
  const auto guest = running(host, id);
  const bool counted = (guest || (adopted && adopted->slot != 0)) && bpf::hooks_attached(host.paths.pins);
  if (!counted && !adopted) {
    const auto config = UBC_TRY(accounting::ConfigFile::load(host.paths.config_of(id)));
    const AllLimits limits = UBC_TRY(effective_limits(config));
    for (const ResourceInfo& info : kResources) set_limits(info, limits[info.resource]);
    if (!guest) return result;
  }
  const os::CgroupDir cgroup = UBC_TRY(os::CgroupDir::open(cgroup_path_of(host, id)));
  if (counted) {
    const std::uint32_t slot = UBC_TRY(slot_of(host, id));
    bpf::Ledger ledger = UBC_TRY(bpf::Ledger::open_one(slot, host.paths.pins));
    UBC_TRY(bpf::audit_if_needed(ledger, host.paths.pins));
    if (const auto ended = guest ? os::wait_for_exit(guest->pidfd, std::chrono::milliseconds{0}) : true; ended && !*ended)
      UBC_TRY(bpf::publish_counts(guest->record.init_pid, host.paths.pins));
    return read_counted(ledger, slot, cgroup);
  }
  accounting::merge_memory(result, UBC_TRY(accounting::read_memory(cgroup)));
  accounting::merge_census(result, UBC_TRY(accounting::take_census(cgroup.path())));
  return result;
}

Result<accounting::Snapshot> last_snapshot(const Host& host, std::uint32_t id) {
  if (read_adopted(host, id) || running(host, id) || !bpf::hooks_attached(host.paths.pins)) return snapshot(host, id);
  const std::uint32_t slot = UBC_TRY(slot_of(host, id));
  return counters_of(UBC_TRY(bpf::Ledger::open_one(slot, host.paths.pins)), slot);
}

void keep_memory_counters(const Host& host, std::uint32_t id, const os::CgroupDir& cgroup) {
  const auto slot = slot_of(host, id);
  if (!slot) return;
  auto ledger = bpf::Ledger::open_one(*slot, host.paths.pins);
  if (!ledger || !note_memory(*ledger, *slot, cgroup, accounting::MemoryParts::but_stat)) return;
  for (const ubc_resource resource : bpf::kSampledResources) ledger->note_sampled(*slot, resource, {.held = 0});
  ledger->clear_published(*slot);
}

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
#include "container/limit_change.h"

#include <algorithm>

#include "accounting/vswap.h"
#include "container/adopted_record.h"
#include "container/container.h"
#include "container/tuning.h"

namespace ubc::container {

using accounting::Limit;
using accounting::Limits;
using accounting::ResourceInfo;

Result<AllLimits> limits_for(const accounting::ConfigFile& changed, const AllLimits& changes) {
  const AllLimits said = UBC_TRY(limits_in(changed));
  const double overcommit = UBC_TRY(overcommit_in(changed));
  return accounting::limits_to_apply(changes, said, overcommit);
}

bool lacks_swap(const accounting::ConfigFile& config) {
  const auto said = limits_in(config);
  return said && accounting::is_vswap(*said) && !(*said)[UBC_SWAPPAGES];
}

Error swap_missing() {
  return {Code::bad_value, 0, "Error: required UB parameter (swap) not set: a limit of RAM needs one of swap, say --swap SIZE"};
}

std::vector<LimitChange> limit_changes(const accounting::Snapshot& now, const AllLimits& wanted) {
  std::vector<LimitChange> changes;
  for (const ResourceInfo& info : accounting::kResources) {
    const accounting::Beancounter& counter = now.of(info.resource);
    if (const auto& after = wanted[info.resource])
      changes.push_back({info.resource, {Limit::at(counter.barrier), Limit::at(counter.limit)}, *after, counter.held});
  }
  return changes;
}

std::string effect_of(const LimitChange& change) {
  const ResourceInfo& info = *accounting::info_of(change.resource);
  if (change.resource == UBC_DCACHESIZE) return "counted, not limited: the kernel takes it back when memory is short";
  if (change.before == change.after) return "nothing changes";
  const accounting::Beancounter after{.held = change.held, .barrier = change.after.barrier.raw(), .limit = change.after.limit.raw()};
  const Limit bound = accounting::first_bound(after);
  if (accounting::is_guarantee(change.resource))
    return bound.is_unlimited() ? "all of it is guaranteed"
                                : fmt::format("{} are guaranteed, nothing is refused", accounting::format_amount(info.unit, bound.raw()));
  if (bound.is_unlimited()) return "nothing is refused any more";
  if (change.held > bound.raw())
    return fmt::format("holds {} already: growth is refused, nothing is killed", accounting::format_amount(info.unit, change.held));
  if (change.held == bound.raw()) return "no room: the next charge is refused";
  return fmt::format("room for {} more", accounting::format_amount(info.unit, bound.raw() - change.held));
}

namespace {

/// With what VSwap fills in; an adopted container has no configuration that could say more.
Result<AllLimits> wanted_limits(const Host& host, std::uint32_t id, const AllLimits& changes) {
  if (!status_of(host, id).exists) return std::unexpected(unknown_container(id));
  if (read_adopted(host, id)) return changes;
  accounting::ConfigFile changed = UBC_TRY(accounting::ConfigFile::load(host.paths.config_of(id)));
  for (const ResourceInfo& info : accounting::kResources)
    if (const auto& said = changes[info.resource]) changed.set(accounting::key_of(info.name), accounting::format_limits(*said));
  if (lacks_swap(changed)) return std::unexpected(swap_missing());
  return limits_for(changed, changes);
}

}  // namespace

Result<std::vector<LimitChange>> preview_limits(const Host& host, std::uint32_t id, const AllLimits& changes) {
  const AllLimits wanted = UBC_TRY(wanted_limits(host, id, changes));
  return limit_changes(UBC_TRY(snapshot(host, id)), wanted);
}

Result<> set_live(const Host& host, std::uint32_t id, const AllLimits& changes, std::vector<std::string>& notes) {
  const os::Fd lock = UBC_TRY(lock_container(host, id, "set"));
  const AllLimits wanted = UBC_TRY(wanted_limits(host, id, changes));
  return tune(host, id, wanted, notes);
}

}  // namespace ubc::container

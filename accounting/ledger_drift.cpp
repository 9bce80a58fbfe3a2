// SPDX-License-Identifier: Apache-2.0
#include "accounting/ledger_drift.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace ubc::accounting {
namespace {

bool is_audited(std::uint32_t resource) { return std::ranges::find(kAudited, static_cast<ubc_resource>(resource)) != std::end(kAudited); }

/// How far `found` is from all that held was meanwhile.
std::int64_t distance(std::uint64_t found, std::uint64_t before, std::uint64_t after) {
  const auto [least, most] = std::minmax(before, after);
  if (found < least) return static_cast<std::int64_t>(least - found);
  return found > most ? -static_cast<std::int64_t>(found - most) : 0;
}

}  // namespace

void Walk::add(const ubc_sighting& seen) {
  if (!is_audited(seen.resource) || !seen_.emplace(seen.object, seen.resource).second) return;
  Sum& sum = sums_[{seen.slot, static_cast<ubc_resource>(seen.resource)}];
  sum.found += seen.amount;
  if (seen.charged == 0) sum.missed += seen.amount;
}

Drifts Walk::against(const Held& before, const Held& after) const {
  Drifts drifts;
  for (const auto& [where, held] : after) {
    const auto found = sums_.find(where);
    const Sum sum = found == sums_.end() ? Sum{} : found->second;
    const auto then = before.find(where);
    drifts[where] = {held, sum.found, sum.missed, distance(sum.found, then == before.end() ? held : then->second, held)};
  }
  return drifts;
}

Drifts better_of(const Drifts& one, const Drifts& other) {
  Drifts better = one;
  for (const auto& [where, drift] : other) {
    const auto [known, fresh] = better.emplace(where, drift);
    if (!fresh && std::pair{drift.missed, std::abs(drift.drift)} < std::pair{known->second.missed, std::abs(known->second.drift)})
      known->second = drift;
  }
  return better;
}

bool any_drift(const Drifts& drifts) {
  return std::ranges::any_of(drifts, [](const auto& entry) { return entry.second.drift != 0 || entry.second.missed != 0; });
}

std::map<ubc_resource, Drift> sums_of(const Drifts& drifts) {
  std::map<ubc_resource, Drift> sums;
  for (const ubc_resource resource : kAudited) sums[resource] = {};
  for (const auto& [where, drift] : drifts) {
    Drift& sum = sums[where.second];
    sum.held += drift.held;
    sum.found += drift.found;
    sum.missed += drift.missed;
    sum.drift += drift.drift;
  }
  return sums;
}

}  // namespace ubc::accounting

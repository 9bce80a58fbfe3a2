// SPDX-License-Identifier: Apache-2.0
// The books held against what lives: of each slot and exact resource, what the ledger says is held and what a walk found. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "bpf/ubc_abi.h"

namespace ubc::accounting {

/// The resources whose objects a walk over the tasks shows.
inline constexpr ubc_resource kAudited[] = {UBC_PRIVVMPAGES, UBC_NUMPROC, UBC_NUMTCPSOCK, UBC_NUMOTHERSOCK, UBC_NUMFILE};

/// Of one slot and resource, in the resource's unit.
struct Drift {
  std::uint64_t held = 0, found = 0;
  std::uint64_t missed = 0;   ///< of what was found: charged to nobody, though it is the slot's
  std::int64_t drift = 0;     ///< held - found; what held has changed by during the walk is not counted as such
  bool operator==(const Drift&) const = default;
};
using SlotResource = std::pair<std::uint32_t, ubc_resource>;
using Drifts = std::map<SlotResource, Drift>;

/// What one walk saw: each object once, however many tasks hold it.
class Walk {
 public:
  void add(const ubc_sighting& seen);
  /// Held before and after the walk, of the slots that are asked about.
  using Held = std::map<SlotResource, std::uint64_t>;
  [[nodiscard]] Drifts against(const Held& before, const Held& after) const;

 private:
  struct Sum {
    std::uint64_t found = 0, missed = 0;
  };
  std::set<std::pair<std::uint64_t, std::uint32_t>> seen_;   ///< object, resource
  std::map<SlotResource, Sum> sums_;
};

/// Of two walks the better look at each: what one saw and the other didn't was on its way. Keeps what only one knows.
[[nodiscard]] Drifts better_of(const Drifts& one, const Drifts& other);
[[nodiscard]] bool any_drift(const Drifts& drifts);

/// Over all slots, by resource.
[[nodiscard]] std::map<ubc_resource, Drift> sums_of(const Drifts& drifts);

}  // namespace ubc::accounting

// SPDX-License-Identifier: Apache-2.0
// One container's counters at one moment.
#pragma once

#include <array>
#include <string>

#include "accounting/limits.h"
#include "accounting/resource.h"

namespace ubc::accounting {

/// held, maxheld and the numbers in the resource's unit; UBC_UNLIMITED where there is no limit.
struct Beancounter {
  std::uint64_t held = 0;
  std::uint64_t maxheld = 0;
  std::uint64_t barrier = UBC_UNLIMITED;
  std::uint64_t limit = UBC_UNLIMITED;
  std::uint64_t failcnt = 0;
};

/// The number that a growing container meets first: the barrier, or the limit where the barrier is 0 (physpages) or not below it.
[[nodiscard]] constexpr Limit first_bound(const Beancounter& counter) {
  return Limit::at(counter.barrier != 0 && counter.barrier < counter.limit ? counter.barrier : counter.limit);
}
/// Its numbers promise memory and refuse nothing.
[[nodiscard]] constexpr bool is_guarantee(ubc_resource resource) { return resource == UBC_VMGUARPAGES || resource == UBC_OOMGUARPAGES; }

/// Whatever its numbers: it is counted, and the kernel takes of it back in need.
[[nodiscard]] constexpr bool never_refuses(ubc_resource resource) { return is_guarantee(resource) || resource == UBC_DCACHESIZE; }

/// All counters of one container, by resource number; dummy rows stay zero and unlimited.
struct Snapshot {
  std::array<Beancounter, UBC_RESOURCES> counters;
  [[nodiscard]] const Beancounter& of(ubc_resource resource) const { return counters[resource]; }
  [[nodiscard]] Beancounter& of(ubc_resource resource) { return counters[resource]; }
  /// RAM is limited: the mode of VSwap (accounting/vswap.h); else classic.
  [[nodiscard]] bool is_vswap() const { return !Limit::at(of(UBC_PHYSPAGES).limit).is_unlimited(); }
};

}  // namespace ubc::accounting

// SPDX-License-Identifier: Apache-2.0
// How often held rose above its barrier. The ledger keeps no such count (its counter fills a cache line), and where the barrier refuses
// there is nothing to count; so it is what was seen at each look, and what maxheld tells of the time between two.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "exporter/reading.h"

namespace ubc::exporter {

class Crossings {
 public:
  /// At each scrape, and at each of History's samples.
  void look(const HostReading& host);
  /// nullopt: it has no barrier, or was never seen. Starts anew with the container.
  [[nodiscard]] std::optional<std::uint64_t> of(std::uint32_t id, ubc_resource resource) const;

 private:
  struct Seen {
    bool known = false, above = false;
    std::uint64_t maxheld = 0, times = 0;
  };
  struct Container {
    std::array<Seen, UBC_RESOURCES> resources;
    std::uint64_t look = 0;   ///< the last one that it was there at
  };
  static void look_at(Seen& seen, const accounting::Beancounter& now);

  std::map<std::uint32_t, Container> containers_;
  std::uint64_t looks_ = 0;
};

}  // namespace ubc::exporter

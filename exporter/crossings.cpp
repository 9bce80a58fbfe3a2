// SPDX-License-Identifier: Apache-2.0
#include "exporter/crossings.h"

namespace ubc::exporter {

void Crossings::look_at(Seen& seen, const accounting::Beancounter& now) {
  if (now.barrier == 0 || accounting::Limit::at(now.barrier).is_unlimited()) {   // physpages of VSwap: 0 is no barrier
    seen = {};
    return;
  }
  const bool above = now.held > now.barrier;
  if (now.maxheld < seen.maxheld) seen = {};   // another run of the container
  // A new peak above the barrier was a crossing even where it is below again; if it was above before, nobody knows whether it came down.
  const bool between = seen.known && now.maxheld > seen.maxheld && now.maxheld > now.barrier;
  if (!seen.above && (above || between)) ++seen.times;
  seen.known = true;
  seen.above = above;
  seen.maxheld = now.maxheld;
}

void Crossings::look(const HostReading& host) {
  ++looks_;
  for (const ContainerReading& container : host.running) {
    Container& known = containers_[container.id];
    known.look = looks_;
    for (const accounting::ResourceInfo& info : accounting::kResources)
      if (is_known(container, info) && !accounting::is_guarantee(info.resource))
        look_at(known.resources[info.resource], container.counters.of(info.resource));
  }
  std::erase_if(containers_, [&](const auto& entry) { return entry.second.look != looks_; });
}

std::optional<std::uint64_t> Crossings::of(std::uint32_t id, ubc_resource resource) const {
  const auto found = containers_.find(id);
  if (found == containers_.end() || !found->second.resources[resource].known) return std::nullopt;
  return found->second.resources[resource].times;
}

}  // namespace ubc::exporter

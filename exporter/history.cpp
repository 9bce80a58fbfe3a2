// SPDX-License-Identifier: Apache-2.0
#include "exporter/history.h"

#include <algorithm>
#include <limits>

#include "exporter/pressure.h"

namespace ubc::exporter {
namespace {

constexpr float kNothing = std::numeric_limits<float>::quiet_NaN();

}  // namespace

void History::sample(std::int64_t time, const HostReading& host) {
  const std::size_t at = samples_ % kPoints;
  times_[at] = time;
  for (auto& [id, rings] : rings_) {
    rings.pressure[at] = rings.failures[at] = kNothing;
    for (auto& [resource, ring] : rings.held) (*ring)[at] = kNothing;
  }
  for (const ContainerReading& container : host.running) {
    const auto found = rings_.find(container.id);
    if (found == rings_.end() && rings_.size() >= kMostContainers) continue;
    Rings& rings = found == rings_.end() ? rings_[container.id] : found->second;
    if (found == rings_.end()) {
      rings.pressure.fill(kNothing);
      rings.failures.fill(kNothing);
    }
    rings.last_seen = samples_;
    const auto pressure = exporter::pressure_of(container);
    rings.pressure[at] = pressure ? static_cast<float>(pressure->value) : 0;
    rings.failures[at] = static_cast<float>(failures_of(container));
    for (const accounting::ResourceInfo& info : accounting::kResources) {
      const std::uint64_t held = container.counters.of(info.resource).held;
      if (!is_known(container, info) || (held == 0 && !rings.held.contains(info.resource))) continue;
      auto& ring = rings.held[info.resource];
      if (!ring) {
        ring = std::make_unique<Ring>();
        std::ranges::transform(rings.pressure, ring->begin(), [](float then) { return then != then ? kNothing : 0.0F; });
      }
      (*ring)[at] = static_cast<float>(held);
    }
  }
  ++samples_;
  forget_long_gone();
}

void History::forget_long_gone() {
  std::erase_if(rings_, [&](const auto& entry) { return entry.second.last_seen + kPoints < samples_; });
}

History::Points History::unrolled(const Ring& ring) const {
  Points points;
  for (std::uint64_t n = samples_ > kPoints ? samples_ - kPoints : 0; n < samples_; ++n) points.push_back(ring[n % kPoints]);
  return points;
}

std::vector<std::int64_t> History::times() const {
  std::vector<std::int64_t> times;
  for (std::uint64_t n = samples_ > kPoints ? samples_ - kPoints : 0; n < samples_; ++n) times.push_back(times_[n % kPoints]);
  return times;
}

History::Track History::of(std::uint32_t id) const {
  const auto found = rings_.find(id);
  if (found == rings_.end()) return {};
  Track track{unrolled(found->second.pressure), unrolled(found->second.failures), {}};
  for (const auto& [resource, ring] : found->second.held) track.held[resource] = unrolled(*ring);
  return track;
}

History::Points History::pressure_of(std::uint32_t id) const {
  const auto found = rings_.find(id);
  return found == rings_.end() ? Points{} : unrolled(found->second.pressure);
}

}  // namespace ubc::exporter

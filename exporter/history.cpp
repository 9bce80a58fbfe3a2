// SPDX-License-Identifier: Apache-2.0
#include "exporter/history.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <iterator>
#include <limits>

#include "exporter/pressure.h"

namespace ubc::exporter {
namespace {

constexpr float kNothing = std::numeric_limits<float>::quiet_NaN();

}  // namespace

Moment Moment::now() {
  timespec steady{};
  (void)::clock_gettime(CLOCK_BOOTTIME, &steady);   // goes on while the host sleeps
  return {std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(),
          static_cast<double>(steady.tv_sec) + static_cast<double>(steady.tv_nsec) / 1e9};
}

void History::sample(const Moment& now, const HostReading& host) {
  const std::size_t at = samples_ % kPoints;
  const double passed = samples_ == 0 ? 0 : now.steady - last_;
  steady_[at] = now.steady;
  last_ = now.steady;
  for (auto& [id, rings] : rings_) {
    rings.pressure[at] = rings.failures[at] = rings.rated[at] = kNothing;
    for (auto& [resource, ring] : rings.held) (*ring)[at] = kNothing;
    for (auto& [name, ring] : rings.usage) (*ring)[at] = kNothing;
  }
  for (const ContainerReading& container : host.running) {
    Rings* rings = rings_of(container.id);
    if (rings == nullptr) continue;
    const bool was_there = !rings->sums.empty() && rings->last_seen + 1 == samples_;
    rings->last_seen = samples_;
    sample_counters(*rings, at, container);
    sample_usage(*rings, at, container.usage, was_there ? passed : 0);
  }
  ++samples_;
  forget_long_gone();
}

History::Rings* History::rings_of(std::uint32_t id) {
  const auto found = rings_.find(id);
  if (found != rings_.end()) return &found->second;
  if (rings_.size() >= kMostContainers) return nullptr;
  Rings& fresh = rings_[id];
  fresh.pressure.fill(kNothing);
  fresh.failures.fill(kNothing);
  fresh.rated.fill(kNothing);
  return &fresh;
}

/// The ring of `key`, made now where there is none: at all that was `known` before, there was nothing of it.
template <typename Key>
History::Ring& History::ring_of(std::map<Key, std::unique_ptr<Ring>>& all, const Key& key, const Ring& known) {
  auto& ring = all[key];
  if (!ring) {
    ring = std::make_unique<Ring>();
    std::ranges::transform(known, ring->begin(), [](float then) { return then != then ? kNothing : 0.0F; });
  }
  return *ring;
}

void History::sample_counters(Rings& rings, std::size_t at, const ContainerReading& container) {
  const auto pressure = exporter::pressure_of(container);
  rings.pressure[at] = pressure ? static_cast<float>(pressure->value) : 0;
  rings.failures[at] = static_cast<float>(failures_of(container));
  for (const accounting::ResourceInfo& info : accounting::kResources) {
    const std::uint64_t held = container.counters.of(info.resource).held;
    if (is_known(container, info) && (held != 0 || rings.held.contains(info.resource)))
      ring_of(rings.held, info.resource, rings.pressure)[at] = static_cast<float>(held);
  }
}

void History::sample_usage(Rings& rings, std::size_t at, const ContainerUsage& usage, double passed) {
  std::vector<accounting::UsageRow> sums;
  if (passed > 0) rings.rated[at] = 0;
  for (accounting::UsageRow& row : rows_of(usage)) {
    const auto* const name = std::ranges::find(kCharted, row.name);
    if (name == std::end(kCharted)) continue;
    const auto value = row.per_second ? accounting::rate_of(row, rings.sums, passed) : row.held;
    if (value && (*value != 0 || rings.usage.contains(*name)))
      ring_of(rings.usage, *name, row.per_second ? rings.rated : rings.pressure)[at] = static_cast<float>(*value);
    sums.push_back(row);
  }
  rings.sums = std::move(sums);
}

void History::forget_long_gone() {
  std::erase_if(rings_, [&](const auto& entry) { return entry.second.last_seen + kPoints < samples_; });
}

History::Points History::unrolled(const Ring& ring) const {
  Points points;
  for (std::uint64_t n = samples_ > kPoints ? samples_ - kPoints : 0; n < samples_; ++n) points.push_back(ring[n % kPoints]);
  return points;
}

std::vector<std::int64_t> History::times(const Moment& now) const {
  std::vector<std::int64_t> times;
  for (std::uint64_t n = samples_ > kPoints ? samples_ - kPoints : 0; n < samples_; ++n)
    times.push_back(std::llround(now.wall - (now.steady - steady_[n % kPoints])));
  return times;
}

History::Track History::of(std::uint32_t id) const {
  const auto found = rings_.find(id);
  if (found == rings_.end()) return {};
  Track track{unrolled(found->second.pressure), unrolled(found->second.failures), {}, {}};
  for (const auto& [resource, ring] : found->second.held) track.held[resource] = unrolled(*ring);
  for (const auto& [name, ring] : found->second.usage) track.usage[name] = unrolled(*ring);
  return track;
}

History::Points History::pressure_of(std::uint32_t id) const {
  const auto found = rings_.find(id);
  return found == rings_.end() ? Points{} : unrolled(found->second.pressure);
}

}  // namespace ubc::exporter

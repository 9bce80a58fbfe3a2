// SPDX-License-Identifier: Apache-2.0
#include "exporter/pressure.h"

namespace ubc::exporter {

using accounting::kResources;
using accounting::ResourceInfo;

std::optional<double> pressure_of(const accounting::Beancounter& counter, ubc_resource resource) {
  const accounting::Limit bound = accounting::first_bound(counter);
  if (bound.is_unlimited() || accounting::never_refuses(resource)) return std::nullopt;
  if (bound.raw() == 0) return counter.held == 0 ? 0.0 : 1.0;   // nothing at all is allowed
  return static_cast<double>(counter.held) / static_cast<double>(bound.raw());
}

std::optional<Pressure> pressure_of(const ContainerReading& container) {
  std::optional<Pressure> nearest;
  for (const ResourceInfo& info : kResources) {
    if (!is_known(container, info)) continue;
    const auto value = pressure_of(container.counters.of(info.resource), info.resource);
    if (value && (!nearest || *value > nearest->value)) nearest = {info.resource, *value};
  }
  return nearest;
}

std::uint64_t failures_of(const ContainerReading& container) {
  std::uint64_t all = 0;
  for (const ResourceInfo& info : kResources)
    if (is_known(container, info)) all += container.counters.of(info.resource).failcnt;
  return all;
}

}  // namespace ubc::exporter

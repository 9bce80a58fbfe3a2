// SPDX-License-Identifier: Apache-2.0
// Who is near a number that refuses. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "exporter/reading.h"

namespace ubc::exporter {

struct Pressure {
  ubc_resource resource{};
  double value = 0;   ///< held over what refuses first: 1 is full; above it growth alone is refused
};
/// The resource that is nearest to its number; nullopt: nothing of it is limited.
[[nodiscard]] std::optional<Pressure> pressure_of(const ContainerReading& container);
/// Of one resource; nullopt: unlimited, or its numbers refuse nothing.
[[nodiscard]] std::optional<double> pressure_of(const accounting::Beancounter& counter, ubc_resource resource);

/// failcnt of all resources.
[[nodiscard]] std::uint64_t failures_of(const ContainerReading& container);

}  // namespace ubc::exporter

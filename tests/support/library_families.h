// SPDX-License-Identifier: Apache-2.0
// The families of beancounters in prometheus-cpp's own model: what our writer is held to, byte for byte, and measured against.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "exporter/reading.h"

namespace ubc::test {

[[nodiscard]] std::vector<prometheus::MetricFamily> library_families(const exporter::HostReading& host);

/// `containers` counted ones, of which every resource holds something and has both numbers: 9 families of 28 resources each.
[[nodiscard]] exporter::HostReading crowded_host(std::size_t containers);

}  // namespace ubc::test

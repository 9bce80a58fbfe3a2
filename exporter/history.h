// SPDX-License-Identifier: Apache-2.0
// The last hour of each container, kept in memory: a ring of samples, floats (a graph shows no more), and of a resource that was never held
// nothing.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "exporter/reading.h"

namespace ubc::exporter {

class History {
 public:
  static constexpr std::size_t kPoints = 120;
  static constexpr std::chrono::seconds kInterval{30};
  static constexpr std::size_t kMostContainers = 4096;  ///< a container more is not recorded

  /// `time`: seconds since the epoch.
  void sample(std::int64_t time, const HostReading& host);

  /// Oldest first, one for each sample; NaN: it did not run then.
  using Points = std::vector<float>;
  struct Track {
    Points pressure;  ///< of the resource that was nearest to its number
    Points failures;  ///< failcnt of all resources
    std::map<ubc_resource, Points> held;  ///< in the resource's unit; only of what was held once
  };
  [[nodiscard]] std::vector<std::int64_t> times() const;
  /// Empty for one that did not run in this hour.
  [[nodiscard]] Track of(std::uint32_t id) const;
  [[nodiscard]] Points pressure_of(std::uint32_t id) const;
  [[nodiscard]] std::size_t containers() const { return rings_.size(); }

 private:
  using Ring = std::array<float, kPoints>;
  struct Rings {
    Ring pressure, failures;
    std::map<ubc_resource, std::unique_ptr<Ring>> held;
    std::uint64_t last_seen = 0;  ///< the number of the sample
  };
  [[nodiscard]] Points unrolled(const Ring& ring) const;
  void forget_long_gone();

  std::map<std::uint32_t, Rings> rings_;
  std::array<std::int64_t, kPoints> times_{};
  std::uint64_t samples_ = 0;  ///< ever; number n at n % kPoints
};

}  // namespace ubc::exporter

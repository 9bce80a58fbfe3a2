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

#include "accounting/usage_rows.h"
#include "exporter/reading.h"

namespace ubc::exporter {

/// By two clocks, in seconds: the wall's, which an admin or NTP may set, and one that only rises, by which what passed is measured.
struct Moment {
  double wall = 0;  ///< since the epoch
  double steady = 0;  ///< since the host's start
  [[nodiscard]] static Moment now();
};

class History {
 public:
  static constexpr std::size_t kPoints = 120;
  static constexpr std::chrono::seconds kInterval{30};
  static constexpr std::size_t kMostContainers = 4096;  ///< a container more is not recorded

  void sample(const Moment& now, const HostReading& host);

  /// Oldest first, one for each sample; NaN: it did not run then.
  using Points = std::vector<float>;
  struct Track {
    Points pressure;  ///< of the resource that was nearest to its number
    Points failures;  ///< failcnt of all resources
    std::map<ubc_resource, Points> held;  ///< in the resource's unit; only of what was held once
    std::map<std::string_view, Points> usage;  ///< of kCharted: a second, of disk as held; only of what was used once
  };
  /// The rows of usage that have a curve.
  static constexpr std::string_view kCharted[] = {"diskspace", "cputime", "ioread", "iowritten", "netreceived", "netsent"};
  /// Seconds since the epoch, by the wall's clock as it is set `now`: they rise, whatever it was set to before.
  [[nodiscard]] std::vector<std::int64_t> times(const Moment& now) const;
  /// Empty for one that did not run in this hour.
  [[nodiscard]] Track of(std::uint32_t id) const;
  [[nodiscard]] Points pressure_of(std::uint32_t id) const;
  [[nodiscard]] std::size_t containers() const { return rings_.size(); }

 private:
  using Ring = std::array<float, kPoints>;
  struct Rings {
    Ring pressure, failures;
    Ring rated;  ///< 0 where two samples made a rate, NaN else
    std::map<ubc_resource, std::unique_ptr<Ring>> held;
    std::map<std::string_view, std::unique_ptr<Ring>> usage;
    std::vector<accounting::UsageRow> sums;  ///< at the last sample
    std::uint64_t last_seen = 0;  ///< the number of the sample
  };
  void sample_counters(Rings& rings, std::size_t at, const ContainerReading& container);
  /// `passed`: seconds since the last sample, or 0.
  void sample_usage(Rings& rings, std::size_t at, const ContainerUsage& usage, double passed);
  template <typename Key>
  [[nodiscard]] static Ring& ring_of(std::map<Key, std::unique_ptr<Ring>>& all, const Key& key, const Ring& known);
  /// nullptr: there are as many as are recorded.
  [[nodiscard]] Rings* rings_of(std::uint32_t id);
  [[nodiscard]] Points unrolled(const Ring& ring) const;
  void forget_long_gone();

  std::map<std::uint32_t, Rings> rings_;
  std::array<double, kPoints> steady_{};
  double last_ = 0;  ///< the last sample, by the clock that only rises
  std::uint64_t samples_ = 0;  ///< ever; number n at n % kPoints
};

}  // namespace ubc::exporter

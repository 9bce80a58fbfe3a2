// SPDX-License-Identifier: Apache-2.0
// What is measured: short system calls, many times in one process. A figure is nanoseconds of CLOCK_MONOTONIC for one operation,
// which in the micro-VM under --count is instructions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace ubc::bench {

/// The largest ratio that we set out to keep; 0: none.
struct Target {
  double guest_to_none = 0;    ///< in a guest, to no programs
  double guest_to_empty = 0;   ///< in a guest, to empty programs
  double host_to_empty = 0;    ///< outside of every guest, to empty programs
  double host_to_none = 0;     ///< outside of every guest, to no programs
};

struct Operation {
  std::string_view name;
  unsigned per_round;                        ///< operations in one round
  std::uint64_t (*measure)(unsigned count);  ///< nanoseconds that `count` operations took; 0: it failed
  Target target;
};

inline constexpr unsigned kRounds = 5;
[[nodiscard]] std::span<const Operation> operations();

/// Nanoseconds for one operation, in each round, after one that warms up; nullopt: it failed.
[[nodiscard]] std::optional<std::array<double, kRounds>> measure(const Operation& operation);

/// Of all rounds of all processes; zero: none.
struct Figure {
  double median = 0, least = 0, most = 0;
};
[[nodiscard]] Figure figure_of(std::vector<double> rounds);

}  // namespace ubc::bench

// SPDX-License-Identifier: Apache-2.0
// What a container uses besides its beancounters, as rows beside theirs: disk, CPU, IO, network. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/cgroup_usage.h"
#include "os/project_quota.h"

namespace ubc::accounting {

enum class UsageUnit { bytes, items, seconds };
/// What happens to what would go over the limit.
enum class AtLimit {
  refused,     ///< with an errno, or dropped
  throttled,   ///< it waits
  nothing,     ///< there is no limit: it is counted
};

struct UsageRow {
  std::string_view name;
  UsageUnit unit;
  std::string_view option;               ///< of ubctl set, that limits it
  double held = 0;                       ///< at this moment of disk, since its start of all others
  std::optional<double> barrier = std::nullopt, limit = std::nullopt;   ///< nullopt: none
  bool per_second = false;               ///< held only grows, and the limit is of a second's use
  std::optional<std::uint64_t> failcnt = std::nullopt;   ///< nullopt: nobody counts it
  AtLimit at_limit = AtLimit::nothing;
};

/// diskspace, diskinodes: barrier and limit are the soft and the hard one.
[[nodiscard]] std::vector<UsageRow> disk_rows(const os::ProjectUse& use);
/// cputime, limited to cores; its failcnt are the periods in which it was throttled, for cputhrottled in all.
[[nodiscard]] std::vector<UsageRow> cpu_rows(const CpuUsage& usage, const CpuShare& share);
/// ioread, iowritten (bytes), ioreads, iowrites (operations), of all devices together.
[[nodiscard]] std::vector<UsageRow> io_rows(const std::vector<DeviceIo>& devices, const IoLimits& limits);

/// Bytes a second, of each link; 0: no limit.
struct TrafficLimits {
  std::uint64_t receive = 0, send = 0;
};
/// netreceived, netsent (bytes), of all links together.
[[nodiscard]] std::vector<UsageRow> traffic_rows(const std::vector<Traffic>& links, const TrafficLimits& limits);

/// "bytes", "items", "seconds".
[[nodiscard]] std::string_view name_of(UsageUnit unit);
/// "refused", "throttled", "counted".
[[nodiscard]] std::string_view text_of(AtLimit at_limit);
/// "12M", "1500", "2.5s".
[[nodiscard]] std::string usage_text(UsageUnit unit, double amount);
/// Of a second: "12M/s", "70/s", "150%" (of one CPU).
[[nodiscard]] std::string rate_text(UsageUnit unit, double amount);

/// How much of it was used a second since `before` was read, `seconds` ago. nullopt: it is no such row, there is nothing to compare with,
/// or it was another run of the container, whose sum was greater.
[[nodiscard]] std::optional<double> rate_of(const UsageRow& row, const std::vector<UsageRow>& before, double seconds);
/// How near it is to its limit, of 1: `rate` a second, or held over the soft limit. nullopt: there is none, or no rate is known.
[[nodiscard]] std::optional<double> nearness_of(const UsageRow& row, std::optional<double> rate);

}  // namespace ubc::accounting

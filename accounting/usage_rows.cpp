// SPDX-License-Identifier: Apache-2.0
#include "accounting/usage_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "accounting/limits.h"

namespace ubc::accounting {
namespace {

UsageRow disk_row(std::string_view name, UsageUnit unit, const os::ProjectAmount& amount) {
  const auto bound = [](std::uint64_t number) { return number == 0 ? std::nullopt : std::optional{static_cast<double>(number)}; };
  UsageRow row{.name = name,
               .unit = unit,
               .option = name,
               .held = static_cast<double>(amount.held),
               .barrier = bound(amount.soft),
               .limit = bound(amount.hard)};
  if (row.barrier || row.limit) row.at_limit = AtLimit::refused;
  return row;
}

/// With `row`'s name, unit and option.
UsageRow rate_row(UsageRow row, std::uint64_t held, std::optional<std::uint64_t> limit, AtLimit at_limit) {
  row.held = static_cast<double>(held);
  row.per_second = true;
  if (limit) row.limit = static_cast<double>(*limit), row.at_limit = at_limit;
  return row;
}

}  // namespace

std::vector<UsageRow> disk_rows(const os::ProjectUse& use) {
  return {disk_row("diskspace", UsageUnit::bytes, use.bytes), disk_row("diskinodes", UsageUnit::items, use.inodes)};
}

std::vector<UsageRow> cpu_rows(const CpuUsage& usage, const CpuShare& share) {
  UsageRow time{.name = "cputime",
                .unit = UsageUnit::seconds,
                .option = "cpulimit",
                .held = usage.user + usage.system,
                .limit = share.limit_cores,
                .per_second = true};
  if (share.limit_cores) time.at_limit = AtLimit::throttled;
  if (!usage.throttling) return {time};
  time.failcnt = usage.throttling->throttled_periods;
  return {
      time,
      {.name = "cputhrottled", .unit = UsageUnit::seconds, .option = "cpulimit", .held = usage.throttling->throttled, .per_second = true}};
}

std::vector<UsageRow> io_rows(const std::vector<DeviceIo>& devices, const IoLimits& limits) {
  DeviceIo all;
  for (const DeviceIo& io : devices) {
    all.read_bytes += io.read_bytes;
    all.written_bytes += io.written_bytes;
    all.reads += io.reads;
    all.writes += io.writes;
  }
  return {rate_row({"ioread", UsageUnit::bytes, "iolimit"}, all.read_bytes, limits.read_bytes, AtLimit::throttled),
          rate_row({"iowritten", UsageUnit::bytes, "iolimit"}, all.written_bytes, limits.written_bytes, AtLimit::throttled),
          rate_row({"ioreads", UsageUnit::items, "iopslimit"}, all.reads, limits.reads, AtLimit::throttled),
          rate_row({"iowrites", UsageUnit::items, "iopslimit"}, all.writes, limits.writes, AtLimit::throttled)};
}

std::vector<UsageRow> traffic_rows(const std::vector<Traffic>& links, const TrafficLimits& limits) {
  std::uint64_t received = 0, sent = 0;
  for (const Traffic& link : links) {
    received += link.received_bytes;
    sent += link.sent_bytes;
  }
  const auto limit = [](std::uint64_t rate) { return rate == 0 ? std::nullopt : std::optional{rate}; };
  return {rate_row({"netreceived", UsageUnit::bytes, "rate"}, received, limit(limits.receive), AtLimit::refused),
          rate_row({"netsent", UsageUnit::bytes, "rate"}, sent, limit(limits.send), AtLimit::refused)};
}

std::string_view name_of(UsageUnit unit) {
  switch (unit) {
    case UsageUnit::bytes: return "bytes";
    case UsageUnit::items: return "items";
    case UsageUnit::seconds: break;
  }
  return "seconds";
}

std::string_view text_of(AtLimit at_limit) {
  switch (at_limit) {
    case AtLimit::refused: return "refused";
    case AtLimit::throttled: return "throttled";
    case AtLimit::nothing: break;
  }
  return "counted";
}

std::string usage_text(UsageUnit unit, double amount) {
  if (unit == UsageUnit::seconds) return amount < 100 ? fmt::format("{:.2f}s", amount) : fmt::format("{:.0f}s", amount);
  return format_amount(unit == UsageUnit::bytes ? Unit::bytes : Unit::items, static_cast<std::uint64_t>(amount));
}

std::string rate_text(UsageUnit unit, double amount) {
  return unit == UsageUnit::seconds ? fmt::format("{:.0f}%", amount * 100) : usage_text(unit, amount) + "/s";
}

std::optional<double> rate_of(const UsageRow& row, const std::vector<UsageRow>& before, double seconds) {
  const auto then = std::ranges::find(before, row.name, &UsageRow::name);
  if (!row.per_second || seconds <= 0 || then == before.end() || then->held > row.held) return std::nullopt;
  return (row.held - then->held) / seconds;
}

std::optional<double> nearness_of(const UsageRow& row, std::optional<double> rate) {
  const std::optional<double> used = row.per_second ? rate : row.held, bound = row.barrier ? row.barrier : row.limit;
  if (!used || !bound || *bound <= 0) return std::nullopt;
  return *used / *bound;
}

}  // namespace ubc::accounting

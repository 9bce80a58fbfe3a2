// SPDX-License-Identifier: Apache-2.0
// What show says below the beancounters: each number another one, so that two swapped fields show.
#include "accounting/usage_rows.h"

#include <gtest/gtest.h>

#include "cli/counter_table.h"

namespace ubc::accounting {
namespace {

TEST(UsageRows, DiskHasTheSoftLimitAsBarrierAndTheHardOneAsLimit) {
  const auto rows = disk_rows({.bytes = {.held = 3 << 20, .soft = 10 << 20, .hard = 12 << 20}, .inodes = {.held = 7}});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].held, 3 << 20);
  EXPECT_EQ(rows[0].barrier, 10 << 20);
  EXPECT_EQ(rows[0].limit, 12 << 20);
  EXPECT_EQ(rows[0].at_limit, AtLimit::refused);
  EXPECT_EQ(rows[1].held, 7);
  EXPECT_FALSE(rows[1].barrier || rows[1].limit);
  EXPECT_EQ(rows[1].at_limit, AtLimit::nothing);
}

TEST(UsageRows, CpuTimeIsThrottledAboveItsCoresAndFailsByThePeriod) {
  const auto rows =
      cpu_rows({.user = 1.5, .system = 0.25, .throttling = CpuUsage::Throttling{31, 17, 4.5}}, {.weight = 100, .limit_cores = 0.5});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].name, "cputime");
  EXPECT_EQ(rows[0].held, 1.75);
  EXPECT_EQ(rows[0].limit, 0.5);
  EXPECT_TRUE(rows[0].per_second);
  EXPECT_EQ(rows[0].failcnt, 17U);
  EXPECT_EQ(rows[0].at_limit, AtLimit::throttled);
  EXPECT_EQ(rows[1].held, 4.5);
  const auto free = cpu_rows({.user = 1, .throttling = {}}, {});
  ASSERT_EQ(free.size(), 1U);
  EXPECT_EQ(free[0].at_limit, AtLimit::nothing);
  EXPECT_FALSE(free[0].failcnt);
}

TEST(UsageRows, IoIsOfAllDevicesTogetherAndItsLimitTheTightest) {
  const auto limits = parse_io_max("8:0 rbps=1048576 wbps=max riops=max wiops=70\n8:16 rbps=2097152 wbps=max riops=max wiops=60\n");
  ASSERT_TRUE(limits) << limits.error().message;
  const auto rows = io_rows({{"8:0", 1, 2, 3, 4}, {"8:16", 10, 20, 30, 40}}, *limits);
  ASSERT_EQ(rows.size(), 4U);
  const double held[] = {11, 22, 33, 44};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(rows[i].held, held[i]) << rows[i].name;
  EXPECT_EQ(rows[0].limit, 1048576);
  EXPECT_FALSE(rows[1].limit || rows[2].limit);
  EXPECT_EQ(rows[3].limit, 60);
  EXPECT_EQ(rows[3].at_limit, AtLimit::throttled);
  EXPECT_EQ(rows[2].at_limit, AtLimit::nothing);
  EXPECT_EQ(parse_io_max("8:0 rbps=fast\n").error().code, Code::corrupt);
}

TEST(UsageRows, TrafficIsOfAllLinksTogether) {
  const auto rows =
      traffic_rows({{.device = "venet0", .received_bytes = 1, .sent_bytes = 2}, {.device = "eth0", .received_bytes = 10, .sent_bytes = 20}},
                   {.receive = 125000, .send = 0});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].held, 11);
  EXPECT_EQ(rows[0].limit, 125000);
  EXPECT_EQ(rows[0].at_limit, AtLimit::refused);
  EXPECT_EQ(rows[1].held, 22);
  EXPECT_FALSE(rows[1].limit);
}

TEST(UsageRows, StandInTheTablesColumnsAndSayWhatTheirLimitDoes) {
  const auto rows = cpu_rows({.user = 1.5, .throttling = CpuUsage::Throttling{3, 2, 0}}, {.weight = {}, .limit_cores = 0.5});
  const auto lines = cli::usage_lines(rows, {});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(cli::table_heading({}), "resource           held   maxheld   barrier     limit   failcnt");
  EXPECT_EQ(lines[0].text, "cputime           1.50s         -         -   0.50s/s         2 throttled");
  EXPECT_EQ(lines[1].text, "cputhrottled      0.00s         -         -         -         - counted");
  auto later = rows;
  later[0].held += 2;
  const auto changed = cli::usage_lines(later, {.before = nullptr, .columns = 80, .changes = true, .usage_before = &rows});
  EXPECT_EQ(changed[0].text, "cputime           3.50s  +2.00s         -         -   0.50s/s         2 throttled");
  EXPECT_EQ(changed[1].text, "cputhrottled      0.00s                 -         -         -         - counted");
}

}  // namespace
}  // namespace ubc::accounting

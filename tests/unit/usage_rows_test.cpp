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
  EXPECT_EQ(lines[0].text, "cputime           1.50s         -         -       50%         2 throttled");
  EXPECT_EQ(lines[1].text, "cputhrottled      0.00s         -         -         -         - counted");
  auto later = rows;
  later[0].held += 2;
  const auto changed = cli::usage_lines(later, {.before = nullptr, .columns = 80, .changes = true, .usage_before = &rows});
  EXPECT_EQ(changed[0].text, "cputime           3.50s  +2.00s         -         -       50%         2");
  EXPECT_EQ(changed[1].text, "cputhrottled      0.00s                 -         -         -         - counted");
}

TEST(UsageRows, ARateIsOfASumThatGrewSinceAnEarlierLookAndOfNothingElse) {
  const UsageRow written{.name = "iowritten", .unit = UsageUnit::bytes, .option = "iolimit", .held = 3000, .per_second = true};
  UsageRow before = written;
  before.held = 1000;
  EXPECT_EQ(rate_of(written, {before}, 4), 500);
  EXPECT_EQ(rate_of(written, {written}, 4), 0);
  EXPECT_EQ(rate_of(before, {written}, 4), std::nullopt) << "another run of the container";
  EXPECT_EQ(rate_of(written, {before}, 0), std::nullopt);
  EXPECT_EQ(rate_of(written, {before}, -4), std::nullopt);
  EXPECT_EQ(rate_of(written, {}, 4), std::nullopt);
  EXPECT_EQ(rate_of(disk_rows({.bytes = {.held = 3}, .inodes = {}})[0], disk_rows({}), 4), std::nullopt) << "what is held is no sum";
}

TEST(UsageRows, NearnessIsOfTheRateOrOfWhatIsHeldAndOfTheSoftLimitWhereThereIsOne) {
  UsageRow row{.name = "iowritten", .unit = UsageUnit::bytes, .option = "iolimit", .held = 9000, .limit = 1000, .per_second = true};
  EXPECT_EQ(nearness_of(row, 250), 0.25);
  EXPECT_EQ(nearness_of(row, std::nullopt), std::nullopt);
  row.limit.reset();
  EXPECT_EQ(nearness_of(row, 250), std::nullopt);
  const auto disk = disk_rows({.bytes = {.held = 6, .soft = 8, .hard = 12}, .inodes = {.held = 6, .soft = 0, .hard = 12}});
  EXPECT_EQ(nearness_of(disk[0], std::nullopt), 0.75);
  EXPECT_EQ(nearness_of(disk[1], std::nullopt), 0.5);
}

TEST(UsageRows, BetweenTwoLooksTheyStandAsRatesWithABarOfTheirLimit) {
  const auto before = cpu_rows({.user = 1, .throttling = CpuUsage::Throttling{3, 2, 0}}, {.weight = {}, .limit_cores = 2});
  auto now = before;
  now[0].held += 3;
  const cli::TableOptions options{.before = nullptr, .columns = 80, .changes = true, .usage_before = &before, .seconds = 2};
  EXPECT_EQ(cli::usage_heading(), "usage            in all     now             barrier     limit   failcnt");
  const auto lines = cli::usage_lines(now, options);
  EXPECT_EQ(lines[0].text, "cputime           4.00s    150%         -         -      200%         2 #####.");
  EXPECT_EQ(lines[0].bar.share, 0.75);
  EXPECT_EQ(lines[1].text, "cputhrottled      0.00s                 -         -         -         - counted");
  EXPECT_EQ(lines[1].bar.width, 0U);
  for (const auto& line : lines) EXPECT_LE(line.text.size(), 80U);
  EXPECT_EQ(rate_text(UsageUnit::bytes, 2048), "2K/s");
  EXPECT_EQ(rate_text(UsageUnit::items, 70), "70/s");
}

}  // namespace
}  // namespace ubc::accounting

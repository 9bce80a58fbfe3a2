// SPDX-License-Identifier: Apache-2.0
// A container's table for people, line by line.
#include "cli/counter_table.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ubc::cli {
namespace {

TEST(CounterTable, PercentIsOfWhatRefusesFirstAndRoundedDown) {
  EXPECT_EQ(percent_of({.held = 99, .barrier = 100, .limit = 120}), 99U);
  EXPECT_EQ(percent_of({.held = 999, .barrier = 1000, .limit = 1200}), 99U);
  EXPECT_EQ(percent_of({.held = 100, .barrier = 100, .limit = 120}), 100U);
  EXPECT_EQ(percent_of({.held = 60, .barrier = 0, .limit = 120}), 50U) << "physpages: its barrier is 0";
  EXPECT_EQ(percent_of({.held = 5000, .barrier = 1, .limit = 1}), 999U);
  EXPECT_EQ(percent_of({.held = 5000}), std::nullopt);
}

TEST(CounterTable, ABarIsEmptyOnlyWhereNothingIsHeld) {
  EXPECT_EQ(bar_of({.held = 0, .barrier = 100, .limit = 100}, 4), "....");
  EXPECT_EQ(bar_of({.held = 1, .barrier = 100, .limit = 100}, 4), "#...");
  EXPECT_EQ(bar_of({.held = 50, .barrier = 100, .limit = 100}, 4), "##..");
  EXPECT_EQ(bar_of({.held = 51, .barrier = 100, .limit = 100}, 4), "###.");
  EXPECT_EQ(bar_of({.held = 500, .barrier = 100, .limit = 100}, 4), "####");
  EXPECT_EQ(bar_of({.held = 500}, 4), "    ");
}

TEST(CounterTable, ChangesHaveTheirSign) {
  EXPECT_EQ(change_text(accounting::Unit::items, 10, 22), "+12");
  EXPECT_EQ(change_text(accounting::Unit::bytes, 4 << 20, 1 << 20), "-3M");
  EXPECT_EQ(change_text(accounting::Unit::items, 7, 7), "");
}

TEST(CounterTable, WithoutChangesItIsTheTableThatShowPrints) {
  accounting::Snapshot now;
  now.of(UBC_NUMPROC) = {.held = 5, .maxheld = 7, .barrier = 10, .limit = 10, .failcnt = 2};
  EXPECT_EQ(table_heading({}), "resource           held   maxheld   barrier     limit   failcnt");
  const auto lines = table_of(now, {});
  const auto numproc = std::ranges::find(lines, "numproc", [](const TableLine& line) { return line.info->name; });
  ASSERT_NE(numproc, lines.end());
  EXPECT_EQ(numproc->text, "numproc               5         7        10        10         2 ######...... !");
  EXPECT_TRUE(numproc->failed);
  EXPECT_EQ(lines.front().text, "kmemsize              0         0         -         -         0");
}

}  // namespace
}  // namespace ubc::cli

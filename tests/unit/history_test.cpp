// SPDX-License-Identifier: Apache-2.0
#include "exporter/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace ubc::exporter {
namespace {

using testing::ElementsAre;
using testing::IsNan;

HostReading one(std::uint64_t held, std::uint32_t id = 101) {
  ContainerReading container;
  container.id = id;
  container.counted_by_hooks = true;
  container.counters.of(UBC_NUMPROC) = {.held = held, .maxheld = held, .barrier = 8, .limit = 9, .failcnt = held / 2};
  HostReading host;
  host.running = {container};
  return host;
}

/// Both clocks agree.
Moment at(double seconds) { return {seconds, seconds}; }

TEST(History, KeepsWhatWasHeldAndThePressureOldestFirst) {
  History history;
  history.sample(at(1000), one(2));
  history.sample(at(1030), one(6));
  EXPECT_THAT(history.times(at(1030)), ElementsAre(1000, 1030));
  const History::Track track = history.of(101);
  EXPECT_THAT(track.held.at(UBC_NUMPROC), ElementsAre(2, 6));
  EXPECT_THAT(track.pressure, ElementsAre(0.25F, 0.75F));
  EXPECT_THAT(track.failures, ElementsAre(1, 3));
  EXPECT_FALSE(track.held.contains(UBC_NUMFILE)) << "never held: no memory is spent on it";
}

TEST(History, WhereItDidNotRunThereIsNothing) {
  History history;
  history.sample(at(1000), one(2));
  history.sample(at(1030), {});
  history.sample(at(1060), one(4));
  EXPECT_THAT(history.of(101).held.at(UBC_NUMPROC), ElementsAre(2, IsNan(), 4));
  EXPECT_THAT(history.of(101).pressure, ElementsAre(0.25F, IsNan(), 0.5F));
}

TEST(History, AResourceThatIsFirstHeldLateWasZeroBeforeAndNothingWhereItDidNotRun) {
  History history;
  history.sample(at(1000), {});
  history.sample(at(1030), one(0));
  history.sample(at(1060), one(3));
  EXPECT_THAT(history.of(101).held.at(UBC_NUMPROC), ElementsAre(IsNan(), 0, 3));
}

TEST(History, AnHourIsKeptAndNoMore) {
  History history;
  for (std::size_t n = 0; n < History::kPoints + 5; ++n) history.sample(at(static_cast<double>(n)), one(n));
  const auto held = history.of(101).held.at(UBC_NUMPROC);
  ASSERT_EQ(held.size(), History::kPoints);
  EXPECT_EQ(held.front(), 5);
  EXPECT_EQ(held.back(), History::kPoints + 4);
  EXPECT_EQ(history.times(at(History::kPoints + 4)).front(), 5);
}

TEST(History, TimesRiseWhateverTheWallsClockIsSetTo) {
  History history;
  history.sample({.wall = 100'000, .steady = 10}, one(1));
  history.sample({.wall = 100'030, .steady = 40}, one(2));
  history.sample({.wall = 3'000, .steady = 70}, one(3));   // back by more than a day
  EXPECT_THAT(history.times({.wall = 3'000, .steady = 70}), ElementsAre(2940, 2970, 3000));
  history.sample({.wall = 100'090, .steady = 100}, one(4));   // and forth again
  EXPECT_THAT(history.times({.wall = 100'090, .steady = 100}), ElementsAre(100'000, 100'030, 100'060, 100'090));
  EXPECT_THAT(history.times({.wall = 3'000, .steady = 100}), ElementsAre(2910, 2940, 2970, 3000))
      << "set back once more since the last sample";
  EXPECT_THAT(history.of(101).held.at(UBC_NUMPROC), ElementsAre(1, 2, 3, 4)) << "no sample is lost";
}

/// `cpu` seconds, `written` bytes since the container's start; `disk` bytes now.
HostReading used(double cpu, std::uint64_t written, std::uint64_t disk) {
  HostReading host = one(1);
  host.running[0].usage.cpu = {.user = cpu, .system = 0, .throttling = {}};
  host.running[0].usage.block_io = {{.device = "8:0", .written_bytes = written}};
  host.running[0].usage.disk = {{.held = disk}, {.held = 1}};
  return host;
}

TEST(History, SumsBecomeRatesByTheClockThatOnlyRises) {
  History history;
  history.sample({.wall = 1000, .steady = 100}, used(10, 0, 500));
  history.sample({.wall = 9000, .steady = 130}, used(25, 3000, 400));
  history.sample({.wall = 20, .steady = 140}, used(25, 3010, 0));
  const auto usage = history.of(101).usage;
  EXPECT_THAT(usage.at("cputime"), ElementsAre(IsNan(), 0.5F, 0)) << "of one sample there is no rate";
  EXPECT_THAT(usage.at("iowritten"), ElementsAre(IsNan(), 100, 1));
  EXPECT_THAT(usage.at("diskspace"), ElementsAre(500, 400, 0));
  EXPECT_FALSE(usage.contains("ioread")) << "never used: no memory is spent on it";
  EXPECT_FALSE(usage.contains("diskinodes")) << "it has no curve";
}

TEST(History, ARestartOrAGapIsNoRate) {
  History history;
  history.sample(at(0), used(100, 0, 1));
  history.sample(at(30), used(130, 0, 1));
  history.sample(at(60), used(3, 0, 1));   // another run
  history.sample(at(90), used(6, 0, 1));
  history.sample(at(120), {});
  history.sample(at(150), used(60, 0, 1));
  EXPECT_THAT(history.of(101).usage.at("cputime"), ElementsAre(IsNan(), 1, IsNan(), 0.1F, IsNan(), IsNan()));
}

TEST(History, AContainerIsForgottenAnHourAfterItEnded) {
  History history;
  history.sample(at(0), one(1));
  for (std::size_t n = 1; n < History::kPoints; ++n) history.sample(at(static_cast<double>(n)), {});
  EXPECT_EQ(history.containers(), 1U);
  history.sample(at(History::kPoints), {});
  EXPECT_EQ(history.containers(), 0U);
  EXPECT_TRUE(history.of(101).pressure.empty());
}

TEST(History, ManyShortLivedContainersTakeNoMoreThanTheBound) {
  History history;
  HostReading many;
  for (std::uint32_t id = 1; id <= History::kMostContainers + 10; ++id) many.running.push_back(one(1, id).running.front());
  history.sample(at(0), many);
  EXPECT_EQ(history.containers(), History::kMostContainers);
}

}  // namespace
}  // namespace ubc::exporter

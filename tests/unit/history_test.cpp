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

TEST(History, KeepsWhatWasHeldAndThePressureOldestFirst) {
  History history;
  history.sample(1000, one(2));
  history.sample(1030, one(6));
  EXPECT_THAT(history.times(), ElementsAre(1000, 1030));
  const History::Track track = history.of(101);
  EXPECT_THAT(track.held.at(UBC_NUMPROC), ElementsAre(2, 6));
  EXPECT_THAT(track.pressure, ElementsAre(0.25F, 0.75F));
  EXPECT_THAT(track.failures, ElementsAre(1, 3));
  EXPECT_FALSE(track.held.contains(UBC_NUMFILE)) << "never held: no memory is spent on it";
}

TEST(History, WhereItDidNotRunThereIsNothing) {
  History history;
  history.sample(1000, one(2));
  history.sample(1030, {});
  history.sample(1060, one(4));
  EXPECT_THAT(history.of(101).held.at(UBC_NUMPROC), ElementsAre(2, IsNan(), 4));
  EXPECT_THAT(history.of(101).pressure, ElementsAre(0.25F, IsNan(), 0.5F));
}

TEST(History, AResourceThatIsFirstHeldLateWasZeroBeforeAndNothingWhereItDidNotRun) {
  History history;
  history.sample(1000, {});
  history.sample(1030, one(0));
  history.sample(1060, one(3));
  EXPECT_THAT(history.of(101).held.at(UBC_NUMPROC), ElementsAre(IsNan(), 0, 3));
}

TEST(History, AnHourIsKeptAndNoMore) {
  History history;
  for (std::size_t n = 0; n < History::kPoints + 5; ++n) history.sample(static_cast<std::int64_t>(n), one(n));
  const auto held = history.of(101).held.at(UBC_NUMPROC);
  ASSERT_EQ(held.size(), History::kPoints);
  EXPECT_EQ(held.front(), 5);
  EXPECT_EQ(held.back(), History::kPoints + 4);
  EXPECT_EQ(history.times().front(), 5);
}

TEST(History, AContainerIsForgottenAnHourAfterItEnded) {
  History history;
  history.sample(0, one(1));
  for (std::size_t n = 1; n < History::kPoints; ++n) history.sample(static_cast<std::int64_t>(n), {});
  EXPECT_EQ(history.containers(), 1U);
  history.sample(History::kPoints, {});
  EXPECT_EQ(history.containers(), 0U);
  EXPECT_TRUE(history.of(101).pressure.empty());
}

TEST(History, ManyShortLivedContainersTakeNoMoreThanTheBound) {
  History history;
  HostReading many;
  for (std::uint32_t id = 1; id <= History::kMostContainers + 10; ++id) many.running.push_back(one(1, id).running.front());
  history.sample(0, many);
  EXPECT_EQ(history.containers(), History::kMostContainers);
}

}  // namespace
}  // namespace ubc::exporter

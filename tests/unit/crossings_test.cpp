// SPDX-License-Identifier: Apache-2.0
#include "exporter/crossings.h"

#include <gtest/gtest.h>

namespace ubc::exporter {
namespace {

class BarrierCrossings : public testing::Test {
 protected:
  Crossings crossings;

  /// One look at container 101, whose barrier of tcpsndbuf is 100.
  void look(std::uint64_t held, std::uint64_t maxheld, std::uint64_t barrier = 100) {
    HostReading host;
    host.running.emplace_back();
    host.running[0].id = 101;
    host.running[0].counted_by_hooks = true;
    host.running[0].counters.of(UBC_TCPSNDBUF) = {.held = held, .maxheld = maxheld, .barrier = barrier, .limit = 200, .failcnt = 0};
    host.running[0].counters.of(UBC_VMGUARPAGES) = {.held = held, .maxheld = maxheld, .barrier = 1};
    crossings.look(host);
  }
  std::optional<std::uint64_t> times() const { return crossings.of(101, UBC_TCPSNDBUF); }
};

TEST_F(BarrierCrossings, IsCountedWhenHeldIsSeenToHaveRisenAboveAndNotWhileItStaysThere) {
  EXPECT_EQ(times(), std::nullopt) << "never seen";
  look(100, 100);
  EXPECT_EQ(times(), 0U) << "at the barrier is not above it";
  look(101, 101);
  EXPECT_EQ(times(), 1U);
  look(150, 150);
  EXPECT_EQ(times(), 1U);
  look(99, 150);
  look(101, 150);
  EXPECT_EQ(times(), 2U);
}

TEST_F(BarrierCrossings, APeakBetweenTwoLooksIsOne) {
  look(10, 10);
  look(10, 120);
  EXPECT_EQ(times(), 1U);
  look(10, 120);
  EXPECT_EQ(times(), 1U) << "the same peak";
  look(10, 130);
  EXPECT_EQ(times(), 2U);
  look(120, 135);
  EXPECT_EQ(times(), 3U);
  look(110, 140);
  EXPECT_EQ(times(), 3U) << "nobody knows whether it came down in between";
}

TEST_F(BarrierCrossings, WhatWasAboveAtTheFirstLookIsOneAndAnEarlierPeakIsNone) {
  look(10, 150);
  EXPECT_EQ(times(), 0U) << "before ubcd's start";
  Crossings{}.look({});
  crossings = {};
  look(150, 150);
  EXPECT_EQ(times(), 1U);
}

TEST_F(BarrierCrossings, WithoutABarrierThereIsNothingAndAGuaranteeIsNone) {
  look(10, 10, 0);
  EXPECT_EQ(times(), std::nullopt);
  look(10, 10, UBC_UNLIMITED);
  EXPECT_EQ(times(), std::nullopt);
  EXPECT_EQ(crossings.of(101, UBC_VMGUARPAGES), std::nullopt);
}

TEST_F(BarrierCrossings, StartAnewWithTheContainer) {
  look(150, 150);
  look(5, 5);   // maxheld fell: another run, or a reset
  EXPECT_EQ(times(), 0U);
  look(150, 150);
  EXPECT_EQ(times(), 1U);
  crossings.look({});
  EXPECT_EQ(times(), std::nullopt) << "it is gone";
}

}  // namespace
}  // namespace ubc::exporter

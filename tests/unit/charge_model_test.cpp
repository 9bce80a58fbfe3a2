// SPDX-License-Identifier: Apache-2.0
// What a charge does to one counter, both sides of each bound; and that generated sequences visit those bounds.
#include "accounting/charge_model.h"

#include <gtest/gtest.h>

#include "tests/support/charge_sequence.h"

namespace ubc::accounting {
namespace {

using enum Severity;

TEST(ChargeModel, HeldMayComeToEqualTheBarrier) {
  ModelCounter counter{.held = 60, .maxheld = 62, .barrier = 65, .limit = 70, .failcnt = 3};
  EXPECT_TRUE(charge(counter, 5, refuse_over_barrier));
  EXPECT_EQ(counter, (ModelCounter{.held = 65, .maxheld = 65, .barrier = 65, .limit = 70, .failcnt = 3}));
}

TEST(ChargeModel, OneAboveTheBarrierIsRefusedAndOnlyFailcntChanges) {
  ModelCounter counter{.held = 60, .maxheld = 62, .barrier = 65, .limit = 70, .failcnt = 3};
  EXPECT_FALSE(charge(counter, 6, refuse_over_barrier));
  EXPECT_EQ(counter, (ModelCounter{.held = 60, .maxheld = 62, .barrier = 65, .limit = 70, .failcnt = 4}));
}

TEST(ChargeModel, SixtyFiveFitABarrierOfSixtyFiveAndTheNextIsRefused) {
  ModelCounter counter{.barrier = 65, .limit = 65};
  for (int i = 0; i < 65; ++i) ASSERT_TRUE(charge(counter, 1, refuse_over_barrier)) << i;
  EXPECT_FALSE(charge(counter, 1, refuse_over_barrier));
  EXPECT_EQ(counter, (ModelCounter{.held = 65, .maxheld = 65, .barrier = 65, .limit = 65, .failcnt = 1}));
}

TEST(ChargeModel, SoftObeysTheLimitAndNotTheBarrier) {
  ModelCounter counter{.held = 65, .maxheld = 65, .barrier = 65, .limit = 70};
  EXPECT_TRUE(charge(counter, 5, refuse_over_limit));
  EXPECT_FALSE(charge(counter, 1, refuse_over_limit));
  EXPECT_EQ(counter, (ModelCounter{.held = 70, .maxheld = 70, .barrier = 65, .limit = 70, .failcnt = 1}));
}

TEST(ChargeModel, ForcedIsNeverRefusedAndCountsTowardsMaxheld) {
  ModelCounter counter{.held = 70, .maxheld = 70, .barrier = 65, .limit = 70};
  EXPECT_TRUE(charge(counter, 9, never_refuse));
  EXPECT_EQ(counter, (ModelCounter{.held = 79, .maxheld = 79, .barrier = 65, .limit = 70, .failcnt = 0}));
}

TEST(ChargeModel, HardObeysTheLimitTooWhereTheBarrierIsAboveIt) {
  ModelCounter counter{.held = 9, .maxheld = 9, .barrier = 20, .limit = 10};
  EXPECT_TRUE(charge(counter, 1, refuse_over_barrier));
  EXPECT_FALSE(charge(counter, 1, refuse_over_barrier));
  EXPECT_EQ(counter, (ModelCounter{.held = 10, .maxheld = 10, .barrier = 20, .limit = 10, .failcnt = 1}));
}

TEST(ChargeModel, ABarrierOfZeroRefusesTheFirstObject) {
  ModelCounter counter{.barrier = 0, .limit = 7};
  EXPECT_FALSE(charge(counter, 1, refuse_over_barrier));
  EXPECT_TRUE(charge(counter, 1, refuse_over_limit));
}

TEST(ChargeModel, ALimitBelowHeldBlocksGrowthOnly) {
  ModelCounter counter{.held = 40, .maxheld = 50, .barrier = 10, .limit = 12};
  EXPECT_FALSE(charge(counter, 1, refuse_over_barrier));
  EXPECT_FALSE(charge(counter, 1, refuse_over_limit));
  EXPECT_EQ(counter.held, 40U);
  EXPECT_TRUE(charge(counter, 1, never_refuse));
  EXPECT_TRUE(uncharge(counter, 32));   // 9: below both again
  EXPECT_TRUE(charge(counter, 1, refuse_over_barrier));
  EXPECT_EQ(counter, (ModelCounter{.held = 10, .maxheld = 50, .barrier = 10, .limit = 12, .failcnt = 2}));
}

TEST(ChargeModel, NothingIsGrantedAtTheBarrierAndRefusedAboveIt) {
  ModelCounter at{.held = 10, .maxheld = 10, .barrier = 10, .limit = 10};
  EXPECT_TRUE(charge(at, 0, refuse_over_barrier));
  ModelCounter above{.held = 11, .maxheld = 11, .barrier = 10, .limit = 10};
  EXPECT_FALSE(charge(above, 0, refuse_over_barrier));
}

TEST(ChargeModel, UnlimitedGrantsAllThatItCanCountAndNoMore) {
  ModelCounter counter;
  EXPECT_TRUE(charge(counter, UBC_UNLIMITED, refuse_over_barrier));
  EXPECT_FALSE(charge(counter, 1, refuse_over_limit));
  EXPECT_FALSE(charge(counter, UBC_UNLIMITED, refuse_over_barrier));
  EXPECT_EQ(counter.held, UBC_UNLIMITED);
  EXPECT_EQ(counter.failcnt, 2U);
}

TEST(ChargeModel, ASumThatWrapsIsRefusedWhateverTheSeverity) {
  for (const Severity severity : {refuse_over_barrier, refuse_over_limit, never_refuse}) {
    ModelCounter counter{.held = 9, .maxheld = 9};
    EXPECT_FALSE(charge(counter, UINT64_MAX - 5, severity));
    EXPECT_EQ(counter, (ModelCounter{.held = 9, .maxheld = 9, .failcnt = 1}));
  }
}

TEST(ChargeModel, ARefusalCountsOnceWhateverItsAmount) {
  ModelCounter counter{.barrier = 5, .limit = 5};
  EXPECT_FALSE(charge(counter, 1'000'000, refuse_over_barrier));
  EXPECT_EQ(counter.failcnt, 1U);
}

TEST(ChargeModel, UnchargeLowersHeldAndLeavesMaxheldAndFailcnt) {
  ModelCounter counter{.held = 9, .maxheld = 12, .barrier = 5, .limit = 6, .failcnt = 2};
  EXPECT_TRUE(uncharge(counter, 9));
  EXPECT_EQ(counter, (ModelCounter{.held = 0, .maxheld = 12, .barrier = 5, .limit = 6, .failcnt = 2}));
}

TEST(ChargeModel, UnchargingMoreThanHeldSaysSoAndLeavesZero) {
  ModelCounter counter{.held = 9, .maxheld = 12, .barrier = 5, .limit = 6, .failcnt = 2};
  EXPECT_FALSE(uncharge(counter, 10));
  EXPECT_EQ(counter, (ModelCounter{.held = 0, .maxheld = 12, .barrier = 5, .limit = 6, .failcnt = 2}));
}

TEST(ChargeModelOfAGroup, BothAreChargedAndTheGroupsSumMayEqualItsBarrier) {
  ModelCounter first{.held = 4, .maxheld = 6, .barrier = 20, .limit = 21}, group{.held = 9, .maxheld = 11, .barrier = 12, .limit = 30};
  EXPECT_EQ(charge(first, group, 3, refuse_over_barrier), Verdict::granted);
  EXPECT_EQ(first, (ModelCounter{.held = 7, .maxheld = 7, .barrier = 20, .limit = 21}));
  EXPECT_EQ(group, (ModelCounter{.held = 12, .maxheld = 12, .barrier = 12, .limit = 30}));
}

TEST(ChargeModelOfAGroup, WhatTheGroupRefusesChangesOnlyTheGroupsFailcnt) {
  ModelCounter first{.held = 4, .maxheld = 6, .barrier = 20, .limit = 21, .failcnt = 2};
  ModelCounter group{.held = 9, .maxheld = 11, .barrier = 12, .limit = 30, .failcnt = 5};
  EXPECT_EQ(charge(first, group, 4, refuse_over_barrier), Verdict::refused_by_group);
  EXPECT_EQ(first, (ModelCounter{.held = 4, .maxheld = 6, .barrier = 20, .limit = 21, .failcnt = 2}));
  EXPECT_EQ(group, (ModelCounter{.held = 9, .maxheld = 11, .barrier = 12, .limit = 30, .failcnt = 6}));
}

TEST(ChargeModelOfAGroup, WhatTheContainerRefusesNeverReachesTheGroup) {
  ModelCounter first{.held = 4, .maxheld = 6, .barrier = 5, .limit = 21}, group{.held = 9, .maxheld = 11, .barrier = 10, .limit = 30};
  EXPECT_EQ(charge(first, group, 2, refuse_over_barrier), Verdict::refused);   // over both: the container is asked first
  EXPECT_EQ(first.failcnt, 1U);
  EXPECT_EQ(group, (ModelCounter{.held = 9, .maxheld = 11, .barrier = 10, .limit = 30}));
}

TEST(ChargeModelOfAGroup, SoftObeysTheGroupsLimitAndForcedObeysNeither) {
  ModelCounter first{.held = 4, .maxheld = 4}, group{.held = 12, .maxheld = 12, .barrier = 12, .limit = 14};
  EXPECT_EQ(charge(first, group, 2, refuse_over_limit), Verdict::granted);
  EXPECT_EQ(charge(first, group, 1, refuse_over_limit), Verdict::refused_by_group);
  EXPECT_EQ(charge(first, group, 1, never_refuse), Verdict::granted);
  EXPECT_EQ(first, (ModelCounter{.held = 7, .maxheld = 7}));
  EXPECT_EQ(group, (ModelCounter{.held = 15, .maxheld = 15, .barrier = 12, .limit = 14, .failcnt = 1}));
}

TEST(ChargeModelOfAGroup, WhatIsGivenBackIsGivenBackToBothButNoMoreThanTheContainerHad) {
  ModelCounter first{.held = 4, .maxheld = 4}, group{.held = 12, .maxheld = 12};
  EXPECT_TRUE(uncharge(first, group, 1));
  EXPECT_FALSE(uncharge(first, group, 5));
  EXPECT_EQ(first.held, 0U);
  EXPECT_EQ(group.held, 8U) << "the others' stays";
}

/// How often generated steps met each situation.
struct Visits {
  int granted_at_barrier = 0, refused_one_above_barrier = 0, granted_at_limit = 0, refused_one_above_limit = 0, soft_between = 0,
      forced_over_limit = 0, limit_below_held = 0, zero_refused = 0, first_object_refused = 0, barrier_above_limit = 0, huge = 0,
      exact_uncharge = 0, too_much = 0, wrapped = 0;
};

void count(Visits& visits, const ModelCounter& was, const test::ChargeStep& step, bool granted) {
  const std::uint64_t wanted = was.held + step.amount;
  const bool hard = step.severity == refuse_over_barrier;
  if (step.op == test::ChargeStep::Op::set_limits) {
    visits.limit_below_held += step.limit < was.held ? 1 : 0;
    visits.barrier_above_limit += step.barrier > step.limit ? 1 : 0;
  } else if (step.op == test::ChargeStep::Op::uncharge) {
    visits.exact_uncharge += step.amount == was.held && was.held > 0 ? 1 : 0;
    visits.too_much += granted ? 0 : 1;
  } else if (granted) {
    visits.granted_at_barrier += hard && step.amount > 0 && wanted == was.barrier ? 1 : 0;
    visits.granted_at_limit += step.severity == refuse_over_limit && step.amount > 0 && wanted == was.limit ? 1 : 0;
    visits.soft_between += step.severity == refuse_over_limit && wanted > was.barrier ? 1 : 0;
    visits.forced_over_limit += step.severity == never_refuse && wanted > was.limit ? 1 : 0;
    visits.huge += step.amount > UBC_CHARGE_MAX_AMOUNT ? 1 : 0;
  } else {
    visits.refused_one_above_barrier += hard && was.barrier <= was.limit && wanted == was.barrier + 1 ? 1 : 0;
    visits.refused_one_above_limit += step.severity == refuse_over_limit && wanted == was.limit + 1 ? 1 : 0;
    visits.zero_refused += step.amount == 0 ? 1 : 0;
    visits.wrapped += step.severity == never_refuse && wanted < was.held ? 1 : 0;
    visits.first_object_refused += hard && was.held == 0 && was.barrier == 0 && step.amount == 1 ? 1 : 0;
  }
}

TEST(ChargeSequence, VisitsEveryBoundThatTheRulesHave) {
  Visits visits;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    test::ChargeSequence sequence{seed};
    ModelCounter counter;
    for (int i = 0; i < 200; ++i) {
      const ModelCounter was = counter;
      const test::ChargeStep step = sequence.next(was);
      count(visits, was, step, test::apply(counter, step));
      ASSERT_LE(counter.held, UBC_UNLIMITED);
      ASSERT_GE(counter.maxheld, counter.held);
    }
  }
  for (const int times :
       {visits.granted_at_barrier, visits.refused_one_above_barrier, visits.granted_at_limit, visits.refused_one_above_limit,
        visits.soft_between, visits.forced_over_limit, visits.limit_below_held, visits.zero_refused, visits.first_object_refused,
        visits.barrier_above_limit, visits.huge, visits.exact_uncharge, visits.too_much, visits.wrapped})
    EXPECT_GE(times, 50);
}

TEST(ChargeSequence, TheSameSeedGivesTheSameStepsAndAnotherOthers) {
  test::ChargeSequence first{7}, again{7}, other{8};
  const ModelCounter counter{.held = 20, .maxheld = 30, .barrier = 25, .limit = 28};
  int different = 0;
  for (int i = 0; i < 100; ++i) {
    const test::ChargeStep step = first.next(counter);
    ASSERT_EQ(step, again.next(counter)) << i;
    different += step == other.next(counter) ? 0 : 1;
  }
  EXPECT_GT(different, 50);
}

}  // namespace
}  // namespace ubc::accounting

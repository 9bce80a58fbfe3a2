// SPDX-License-Identifier: Apache-2.0
// Held against found: each object once, movement is no drift, and what two walks disagree on was on its way.
#include "accounting/ledger_drift.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "container/ledger_audit.h"

namespace ubc::accounting {
namespace {

ubc_sighting seen(std::uint64_t object, std::uint32_t slot, ubc_resource resource, std::uint64_t amount = 1, bool charged = true) {
  return {.object = object, .amount = amount, .charged = charged ? amount : 0, .slot = slot, .resource = resource};
}
constexpr SlotResource kFiles{7, UBC_NUMFILE};

Drift of(const Walk& walk, std::uint64_t before, std::uint64_t after) {
  return walk.against({{kFiles, before}}, {{kFiles, after}}).at(kFiles);
}

TEST(LedgerDrift, AFileThatManyHoldIsFoundOnceAndAnotherResourcesObjectIsAnother) {
  Walk walk;
  for (int i = 0; i < 3; ++i) walk.add(seen(1, 7, UBC_NUMFILE));
  walk.add(seen(2, 7, UBC_NUMFILE));
  walk.add(seen(1, 7, UBC_NUMOTHERSOCK));
  walk.add(seen(3, 8, UBC_NUMFILE));
  walk.add(seen(4, 7, UBC_NUMFLOCK));   // not audited
  EXPECT_EQ(of(walk, 2, 2), (Drift{.held = 2, .found = 2, .missed = 0, .drift = 0}));
}

TEST(LedgerDrift, IsHeldLessFoundAndNeverWhatHeldMovedByMeanwhile) {
  Walk walk;
  for (std::uint64_t object = 1; object <= 10; ++object) walk.add(seen(object, 7, UBC_NUMFILE));
  EXPECT_EQ(of(walk, 11, 11).drift, 1);
  EXPECT_EQ(of(walk, 9, 9).drift, -1);
  EXPECT_EQ(of(walk, 10, 25).drift, 0);
  EXPECT_EQ(of(walk, 25, 10).drift, 0);
  EXPECT_EQ(of(walk, 11, 25).drift, 1);
  EXPECT_EQ(of(walk, 5, 9).drift, -1);
  EXPECT_EQ(of(Walk{}, 3, 3), (Drift{.held = 3, .found = 0, .missed = 0, .drift = 3})) << "a leak: nobody shows it";
}

TEST(LedgerDrift, WhatNoRecordChargesIsMissed) {
  Walk walk;
  walk.add(seen(1, 7, UBC_NUMFILE, 1, false));
  walk.add(seen(2, 7, UBC_NUMFILE));
  EXPECT_EQ(of(walk, 1, 1), (Drift{.held = 1, .found = 2, .missed = 1, .drift = -1}));
}

TEST(LedgerDrift, OfTwoWalksTheBetterLookIsTaken) {
  const Drift bad{.held = 9, .found = 5, .missed = 0, .drift = 4}, worse{.held = 9, .found = 9, .missed = 2, .drift = 0},
      good{.held = 8, .found = 9, .missed = 0, .drift = -1};
  EXPECT_EQ(better_of({{kFiles, bad}}, {{kFiles, good}}).at(kFiles), good);
  EXPECT_EQ(better_of({{kFiles, good}}, {{kFiles, bad}}).at(kFiles), good);
  EXPECT_EQ(better_of({{kFiles, bad}}, {{kFiles, worse}}).at(kFiles), bad) << "what is missed weighs more";
  EXPECT_EQ(better_of({}, {{kFiles, bad}}).at(kFiles), bad);
  EXPECT_TRUE(any_drift({{kFiles, good}}));
  EXPECT_FALSE(any_drift({{kFiles, {.held = 4, .found = 4}}}));
}

TEST(LedgerDrift, SumsAreByResourceAndOfAllThatAreAudited) {
  const auto sums = sums_of({{{7, UBC_NUMFILE}, {.held = 1, .found = 2, .missed = 3, .drift = 4}},
                             {{8, UBC_NUMFILE}, {.held = 10, .found = 20, .missed = 30, .drift = -40}}});
  EXPECT_EQ(sums.at(UBC_NUMFILE), (Drift{.held = 11, .found = 22, .missed = 33, .drift = -36}));
  EXPECT_EQ(sums.size(), std::size(kAudited));
  EXPECT_EQ(sums.at(UBC_NUMPROC), Drift{});
}

TEST(LedgerDrift, AnAuditIsReadAsItWasWrittenAndABrokenFileIsSaidToBe) {
  const container::LedgerAudit audit{
      .at = 1700000000.5,
      .seconds = 0.25,
      .sums = {{UBC_NUMFILE, {.held = 5, .found = 4, .missed = 0, .drift = 1}}},
      .drifting = {{.slot = 7, .id = 101, .resource = UBC_NUMFILE, .drift = {.held = 5, .found = 4, .missed = 0, .drift = 1}}}};
  const std::string text = container::json_of(audit).dump();
  EXPECT_EQ(text, R"({"at":1700000000.5,"seconds":0.25,"resources":{"numfile":{"held":5,"found":4,"missed":0,"drift":1}},)"
                  R"("drifting":[{"slot":7,"ctid":101,"resource":"numfile","held":5,"found":4,"missed":0,"drift":1}]})");
  const auto read = container::parse_audit(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->at, audit.at);
  EXPECT_EQ(read->sums, audit.sums);
  for (const char* broken : {"", "{", "[]", R"({"at":"x","seconds":1,"resources":{}})", R"({"at":1,"seconds":1,"resources":{"numcow":{}}})",
                             R"({"at":1,"seconds":1,"resources":{"numfile":{"held":-1}}})"})
    EXPECT_EQ(container::parse_audit(broken).error().code, Code::corrupt) << broken;
}

}  // namespace
}  // namespace ubc::accounting

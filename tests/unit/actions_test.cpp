// SPDX-License-Identifier: Apache-2.0
#include "accounting/actions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace ubc::test {
namespace {

using accounting::Action;
using accounting::ActionKind;
using accounting::ActionTriggers;
using accounting::Beancounter;
using accounting::parse_actions;
using accounting::Snapshot;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

Snapshot holding(ubc_resource resource, const Beancounter& counter) {
  Snapshot snapshot;
  snapshot.of(resource) = counter;
  return snapshot;
}

TEST(ParseActions, TakesEachKindAtARefusalAndAtAMark) {
  const auto actions = parse_actions(
      "numproc:refusal:log  numproc:refusal:signal=TERM numfile:90%:exec=/sbin/tell\tphyspages:barrier:post=http://localhost/x:1 "
      "numpty:1%:freeze numproc:refusal:signal=35");
  ASSERT_TRUE(actions) << actions.error().message;
  EXPECT_THAT(*actions, ElementsAre(Action{UBC_NUMPROC, 0, ActionKind::log, "", 0}, Action{UBC_NUMPROC, 0, ActionKind::signal, "", SIGTERM},
                                    Action{UBC_NUMFILE, 90, ActionKind::exec, "/sbin/tell", 0},
                                    Action{UBC_PHYSPAGES, 100, ActionKind::post, "http://localhost/x:1", 0},
                                    Action{UBC_NUMPTY, 1, ActionKind::freeze, "", 0}, Action{UBC_NUMPROC, 0, ActionKind::signal, "", 35}));
  EXPECT_THAT(*parse_actions(""), IsEmpty());
}

TEST(ParseActions, NamesTheItemThatIsWrongAndWhatToSay) {
  const auto message = [](std::string_view text) { return parse_actions(text) ? "" : parse_actions(text).error().message; };
  EXPECT_EQ(message("numproc:log"), "action \"numproc:log\": say RESOURCE:WHEN:WHAT, as in numproc:refusal:log");
  EXPECT_EQ(message("numprok:refusal:log"),
            "action \"numprok:refusal:log\": Unknown resource numprok (did you mean numproc?): ubctl features lists them");
  EXPECT_EQ(message("numproc:0%:log"), "action \"numproc:0%:log\": \"0%\" is not a time: say refusal, barrier, or a mark of 1% to 100%");
  EXPECT_EQ(message("numproc:101%:log"),
            "action \"numproc:101%:log\": \"101%\" is not a time: say refusal, barrier, or a mark of 1% to 100%");
  EXPECT_EQ(message("numproc:refusal:exec=tell"),
            "action \"numproc:refusal:exec=tell\": does what? say log, freeze, signal=NAME, exec=/PROGRAM or post=URL");
  EXPECT_EQ(message("numproc:refusal:post=file:///etc/passwd"),
            "action \"numproc:refusal:post=file:///etc/passwd\": does what? say log, freeze, signal=NAME, exec=/PROGRAM or post=URL");
  EXPECT_EQ(message("numproc:refusal:signal=65"),
            "action \"numproc:refusal:signal=65\": there is no signal \"65\": say TERM, KILL, or a number");
  EXPECT_EQ(message("numproc:90%:signal=TERM"), "action \"numproc:90%:signal=TERM\": a mark has no offender to signal: say refusal");
}

TEST(ActionTriggers, AThousandRefusalsAreOneOccasionUntilAQuietMinute) {
  const auto actions = *parse_actions("numproc:refusal:log numfile:refusal:log numproc:90%:log");
  ActionTriggers triggers;
  const ActionTriggers::Clock::time_point start{seconds{1000}};
  EXPECT_THAT(triggers.on_refusal(101, actions, UBC_NUMPROC, start), ElementsAre(actions[0]));
  EXPECT_THAT(triggers.on_refusal(101, actions, UBC_NUMPROC, start + seconds{59}), IsEmpty());
  EXPECT_THAT(triggers.on_refusal(101, actions, UBC_NUMPROC, start + seconds{118}), IsEmpty());   // 59 s after the last one
  EXPECT_THAT(triggers.on_refusal(101, actions, UBC_NUMPROC, start + seconds{178}), ElementsAre(actions[0]));
  EXPECT_THAT(triggers.on_refusal(102, actions, UBC_NUMPROC, start + seconds{178}), ElementsAre(actions[0]));  // another container's first
  EXPECT_THAT(triggers.on_refusal(101, actions, UBC_NUMFILE, start + seconds{178}), ElementsAre(actions[1]));
}

TEST(ActionTriggers, AMarkFallsDueWhenItIsReachedAndAgainOnlyAfterItWasLeftWellBelow) {
  const auto actions = *parse_actions("numproc:90%:log numproc:90%:freeze numproc:barrier:log");
  ActionTriggers triggers;
  const auto at = [&](std::uint64_t held) {
    return triggers.on_reading(101, actions, holding(UBC_NUMPROC, {.held = held, .barrier = 200, .limit = 300}));
  };
  EXPECT_THAT(at(179), IsEmpty());
  EXPECT_THAT(at(180), ElementsAre(actions[0], actions[1]));
  EXPECT_THAT(at(199), IsEmpty());
  EXPECT_THAT(at(200), ElementsAre(actions[2]));
  EXPECT_THAT(at(171), IsEmpty());
  EXPECT_THAT(at(180), IsEmpty());  // 170 is 5 % below: it was not left
  EXPECT_THAT(at(169), IsEmpty());
  EXPECT_THAT(at(180), ElementsAre(actions[0], actions[1]));
  triggers.forget(101);
  EXPECT_THAT(at(180), ElementsAre(actions[0], actions[1]));
}

TEST(ActionTriggers, AMarkIsOfTheLimitWhereTheBarrierSaysNothingAndNeverOfUnlimited) {
  const auto actions = *parse_actions("physpages:50%:log");
  EXPECT_TRUE(accounting::reaches_mark(actions[0], {.held = 50, .barrier = 0, .limit = 100}));
  EXPECT_FALSE(accounting::reaches_mark(actions[0], {.held = 49, .barrier = 0, .limit = 100}));
  EXPECT_TRUE(accounting::reaches_mark(actions[0], {.held = 50, .barrier = UBC_UNLIMITED, .limit = 100}));
  EXPECT_TRUE(accounting::reaches_mark(actions[0], {.held = 50, .barrier = 100, .limit = UBC_UNLIMITED}));
  EXPECT_FALSE(accounting::reaches_mark(actions[0], {.held = 1ULL << 60}));
}

}  // namespace
}  // namespace ubc::test

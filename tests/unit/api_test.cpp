// SPDX-License-Identifier: Apache-2.0
// The API over a made-up host: what it tells, and what becomes of a change.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "exporter/event_stream.h"
#include "exporter/limit_wish.h"
#include "tests/support/made_up_site.h"

namespace ubc::test {
namespace {

using exporter::Action;
using exporter::Reply;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

json parsed(const Reply& reply) { return json::parse(reply.body, nullptr, false); }

json row(const json& container, const std::string& resource) {
  for (const json& one : container["beancounters"])
    if (one["resource"] == resource) return one;
  return {};
}

TEST(Api, ARowSaysAllFiveNumbersWithTheirUnitAndNullIsUnlimited) {
  MadeUpSite site;
  site.world.find(101)->counters.of(UBC_NUMPROC) = {.held = 11, .maxheld = 12, .barrier = 13, .limit = 14, .failcnt = 15};
  site.world.find(101)->counters.of(UBC_PRIVVMPAGES) = {.held = 2, .maxheld = 3, .barrier = 4, .failcnt = 6};
  const json shop = site.get("/api/v1/containers/101");
  EXPECT_EQ(row(shop, "numproc"), json::parse(R"({"resource": "numproc", "unit": "items", "held": 11, "maxheld": 12, "barrier": 13,
                                                  "limit": 14, "failcnt": 15, "pressure": 0.8462})"));
  EXPECT_EQ(row(shop, "privvmpages"), json::parse(R"({"resource": "privvmpages", "unit": "pages", "held": 2, "maxheld": 3, "barrier": 4,
                                                      "limit": null, "failcnt": 6, "pressure": 0.5})"));
  EXPECT_EQ(row(shop, "nummount")["pressure"], json()) << "unlimited: nothing to be near to";
  EXPECT_EQ(shop["name"], "shop");
  EXPECT_EQ(shop["state"], "running");
}

TEST(Api, AContainerIsFoundByNumberAndByNameAndAnUnknownOneIsSaidToBe) {
  MadeUpSite site;
  EXPECT_EQ(site.get("/api/v1/containers/mail")["id"], 102);
  EXPECT_EQ(site.get("/api/v1/containers/2000000007")["kind"], "adopted");
  EXPECT_EQ(site.get("/api/v1/containers/110")["state"], "stopped");
  const Reply unknown = site.ask("GET", "/api/v1/containers/999");
  EXPECT_EQ(unknown.status, 404U);
  EXPECT_EQ(unknown.body, "{\"error\":{\"code\":\"not_found\",\"message\":\"there is no container 999\"}}\n");
}

TEST(Api, PressureIsOfTheResourceNearestToItsBarrierAndAGuaranteeIsNone) {
  MadeUpSite site;
  auto& counters = site.world.find(103)->counters;
  counters = {};
  counters.of(UBC_NUMPROC) = {.held = 5, .barrier = 10, .limit = 12};
  counters.of(UBC_PHYSPAGES) = {.held = 90, .barrier = 0, .limit = 100};       // a barrier of 0 is none
  counters.of(UBC_VMGUARPAGES) = {.held = 500, .barrier = 100, .limit = 100};   // promised, not refused
  EXPECT_EQ(site.get("/api/v1/containers/103")["pressure"], json::parse(R"({"resource": "physpages", "value": 0.9})"));
  counters.of(UBC_PHYSPAGES).held = 49;
  EXPECT_EQ(site.get("/api/v1/containers/103")["pressure"]["resource"], "numproc");
  counters = {};
  EXPECT_EQ(site.get("/api/v1/containers/103")["pressure"], json());
}

TEST(Api, WithoutHooksOnlyTheMemoryControllersRowsAreShown) {
  MadeUpSite site;
  site.world.find(105)->counted_by_hooks = false;
  std::set<std::string> names;
  const json cache = site.get("/api/v1/containers/105");
  for (const json& one : cache["beancounters"]) names.insert(one["resource"]);
  EXPECT_THAT(names, ElementsAre("dcachesize", "kmemsize", "oomguarpages", "physpages", "swappages"));
}

TEST(Api, TheListHasAllOfThemAndItsShortFormATrendForRows) {
  MadeUpSite site;
  site.live.sample({1000, 10});
  const json all = site.get("/api/v1/containers");
  ASSERT_EQ(all["containers"].size(), 10U);
  EXPECT_TRUE(all["containers"][0].contains("beancounters"));
  const json summary = site.get("/api/v1/containers?view=summary")["containers"][0];
  EXPECT_FALSE(summary.contains("beancounters"));
  EXPECT_EQ(summary["trend"].size(), 1U);
  EXPECT_EQ(summary["failures"], 17);
}

TEST(Api, ARefusalNamesItsProgramAndTheLineThatWouldCureIt) {
  MadeUpSite site;
  const json refusals = site.get("/api/v1/containers/101/refusals");
  const json& last = refusals["refusals"][0];
  EXPECT_EQ(last["comm"], "php-fpm8.2");
  EXPECT_EQ(last["cure"], json::parse(R"({"limits": "283:307", "command": "ubctl set 101 --numproc 283:307 --save"})"));
  EXPECT_EQ(site.get("/api/v1/containers/102/refusals")["by_the_kernel"], json::parse(R"([{"resource": "physpages", "failcnt": 3}])"));
  EXPECT_EQ(site.get("/api/v1/refusals")["refusals"].size(), 18U);
}

TEST(Api, ADryRunSaysOldAndNewAndWhatTheContainerWillFeelAndAsksNothingOfUbctl) {
  MadeUpSite site;
  site.world.find(101)->counters.of(UBC_NUMPROC) = {.held = 100, .maxheld = 100, .barrier = 110, .limit = 120};
  const auto preview = [&](const std::string& limits) {
    const Reply reply =
        site.ask("PATCH", "/api/v1/containers/shop/limits", R"({"limits": {"numproc": ")" + limits + R"("}, "dry_run": true})");
    EXPECT_EQ(reply.status, 200U) << reply.body;
    return parsed(reply);
  };
  const json up = preview("150:160");
  EXPECT_EQ(up["applied"], false);
  EXPECT_EQ(up["changes"][0], json::parse(R"({"resource": "numproc", "unit": "items", "held": 100, "before": {"barrier": 110, "limit": 120},
                                              "after": {"barrier": 150, "limit": 160}, "effect": "room for 50 more"})"));
  EXPECT_EQ(preview("101:200")["changes"][0]["effect"], "room for 1 more");
  EXPECT_EQ(preview("100:200")["changes"][0]["effect"], "no room: the next charge is refused");
  EXPECT_EQ(preview("99:200")["changes"][0]["effect"], "holds 100 already: growth is refused, nothing is killed");
  EXPECT_EQ(preview("unlimited")["changes"][0]["effect"], "nothing is refused any more");
  EXPECT_EQ(preview("110:120")["changes"][0]["effect"], "nothing changes");
  EXPECT_TRUE(site.world.done.empty());
  EXPECT_TRUE(site.audited.empty());
}

TEST(Api, AChangeIsUbctlsAndTheLogSaysWhoWantedWhat) {
  MadeUpSite site;
  site.world.find(101)->counters.of(UBC_NUMPROC) = {.held = 100, .maxheld = 100, .barrier = 110, .limit = 120};
  site.world.next_result = {0, "UB limits were set successfully\n", "WARNING: mind this\n"};
  const Reply reply = site.ask("PATCH", "/api/v1/containers/101/limits", R"({"limits": {"numproc": "150"}, "save": true})");
  ASSERT_EQ(reply.status, 200U) << reply.body;
  EXPECT_EQ(parsed(reply)["notes"], json::parse(R"(["WARNING: mind this"])"));
  ASSERT_EQ(site.world.done.size(), 1U);
  EXPECT_EQ(site.world.done[0].verb, "set");
  EXPECT_EQ(site.world.done[0].id, 101U);
  EXPECT_THAT(site.world.done[0].arguments, ElementsAre("--numproc", "150:150", "--save"));
  EXPECT_THAT(site.audited, ElementsAre("ada (admin, 127.0.0.1) set 101 (saved), numproc 110:120 -> 150:150: done"));
  EXPECT_EQ(row(site.get("/api/v1/containers/101"), "numproc")["barrier"], 150);
}

TEST(Api, WhatUbctlRefusesIsSaidInItsWordsAndLoggedToo) {
  MadeUpSite site;
  site.world.next_result = {9, "", "container 101 is locked by stop (pid 7)\n"};
  const Reply reply = site.ask("POST", "/api/v1/containers/101/stop");
  EXPECT_EQ(reply.status, 409U);
  EXPECT_EQ(parsed(reply)["error"]["message"], "container 101 is locked by stop (pid 7)");
  EXPECT_THAT(site.audited, ElementsAre("ada (admin, 127.0.0.1) stop 101: failed (9): container 101 is locked by stop (pid 7)"));
}

TEST(Api, StartAndStopAreUbctlsWithFastOnlyWhereItIsAsked) {
  MadeUpSite site;
  EXPECT_EQ(site.ask("POST", "/api/v1/containers/101/stop").status, 200U);
  EXPECT_EQ(site.ask("POST", "/api/v1/containers/101/start", "{}").status, 200U);
  EXPECT_EQ(site.ask("POST", "/api/v1/containers/102/restart", R"({"fast": true})").status, 200U);
  ASSERT_EQ(site.world.done.size(), 3U);
  EXPECT_TRUE(site.world.done[0].arguments.empty());
  EXPECT_EQ(site.world.done[1].verb, "start");
  EXPECT_THAT(site.world.done[2].arguments, ElementsAre("--fast"));
}

TEST(Api, BadBodiesChangeNothingAndSayWhatIsWrong) {
  MadeUpSite site;
  const auto wrong = [&](const std::string& body) {
    const Reply reply = site.ask("PATCH", "/api/v1/containers/101/limits", body);
    EXPECT_EQ(reply.status, 400U) << body;
    return parsed(reply)["error"]["message"].get<std::string>();
  };
  EXPECT_EQ(wrong("{"), "the body is no JSON object");
  EXPECT_EQ(wrong("[]"), "the body is no JSON object");
  EXPECT_EQ(wrong("{}"), R"(nothing to set: say {"limits": {"numproc": "100:120"}})");
  EXPECT_EQ(wrong(R"({"limits": {"numproc": "100"}, "sav": true})"), "there is no sav: say limits, save, dry_run");
  EXPECT_EQ(wrong(R"({"limits": {"numproc": 100}})"), "numproc: say a text, as ubctl set takes it: \"100:120\"");
  EXPECT_EQ(wrong(R"({"limits": {"numproc": "100"}, "save": "yes"})"), "save: say true or false");
  EXPECT_THAT(wrong(R"({"limits": {"numprok": "100"}})"), HasSubstr("numproc"));
  wrong(R"({"limits": {"numproc": "120:100"}})");
  wrong(R"({"limits": {"numproc": "12 --force"}})");
  wrong(std::string(16000, '['));
  EXPECT_EQ(site.ask("POST", "/api/v1/containers/101/stop", R"({"fast": 1})").status, 400U);
  EXPECT_TRUE(site.world.done.empty());
}

TEST(Api, AnotherMethodIsRefusedWithThoseThatAreTaken) {
  MadeUpSite site;
  const Reply reply = site.ask("DELETE", "/api/v1/containers/101/limits");
  EXPECT_EQ(reply.status, 405U);
  EXPECT_EQ(reply.headers.at("Allow"), "PATCH");
  for (const char* path : {"/api/", "/api/v1/containers/", "/api/v1/containers/101/limits/", "/api/v1/containers/1/2", "/api/v2/host"})
    EXPECT_EQ(site.ask("GET", path).status, 404U) << path;
}

TEST(Api, AListenerHearsOnlyWhatChangedAndAllOfWhomItWatches) {
  MadeUpSite site;
  const auto stream = site.ask("GET", "/api/v1/events?container=shop").stream;
  ASSERT_NE(stream, nullptr);
  site.live.tick();
  EXPECT_THAT(stream->take(), HasSubstr("event: containers\ndata: {\"changed\":[{\"id\":101,"));
  site.live.tick();
  EXPECT_THAT(stream->take(), testing::StartsWith("event: container\ndata: {\"id\":101,")) << "nothing changed: only the watched one";
  site.world.find(102)->counters.of(UBC_NUMPROC).held = 239;
  site.live.tick();
  const std::string changed = stream->take();
  EXPECT_THAT(changed, HasSubstr("{\"changed\":[{\"id\":102,"));
  EXPECT_THAT(changed, testing::Not(HasSubstr("{\"id\":103,")));
  site.world.now.host.running.pop_back();
  site.live.tick();
  EXPECT_THAT(stream->take(), HasSubstr("\"gone\":[2000000007]"));
}

TEST(Api, AListenerHearsOfARefusalOnceAndOfNoneBeforeItCame) {
  MadeUpSite site;
  const auto stream = site.ask("GET", "/api/v1/events").stream;
  site.live.poll_refusals();
  EXPECT_EQ(stream->take(), "");
  site.world.refuse(103, UBC_NUMPROC, "sh", "clone");
  site.live.poll_refusals();
  EXPECT_THAT(stream->take(), testing::AllOf(testing::StartsWith("event: refusal\ndata: {\"time\":"), HasSubstr("\"comm\":\"sh\"")));
  site.live.poll_refusals();
  EXPECT_EQ(stream->take(), "");
}

TEST(Api, AListenerIsToldHowManyRefusalsOfAStormItDoesNotHearOf) {
  MadeUpSite site;
  const auto stream = site.live.subscribe(0);
  ASSERT_NE(stream, nullptr);
  (void)stream->take();
  for (int i = 0; i < 130; ++i) site.world.refuse(101, UBC_NUMPROC, "bomb", "clone");
  site.world.missed = 5000;   // overwritten in the kernel's ring before they were read
  site.live.poll_refusals();
  const std::string told = stream->take();
  EXPECT_THAT(told, HasSubstr("event: missed\ndata: {\"refusals\":5030}\n\n"));
  std::size_t heard = 0;
  for (std::size_t at = 0; (at = told.find("event: refusal\n", at)) != std::string::npos; ++at) ++heard;
  EXPECT_EQ(heard, 100U) << "the latest";
  site.world.refuse(101, UBC_NUMPROC, "bomb", "clone");
  site.live.poll_refusals();
  EXPECT_THAT(stream->take(), testing::StartsWith("event: refusal\n")) << "the next is heard as ever";
}

TEST(EventHub, OneTooManyIsTurnedAwayAndOneTooSlowIsLetGo) {
  exporter::EventHub hub{{.streams = 2, .waiting_bytes = 100}};
  auto quick = hub.subscribe(), slow = hub.subscribe();
  EXPECT_EQ(hub.subscribe(), nullptr);
  hub.publish("a", std::string(60, 'x'));
  (void)quick->take();
  hub.publish("b", std::string(60, 'y'));
  EXPECT_TRUE(slow->closed());
  EXPECT_EQ(slow->take(), "") << "what it missed is lost to it: it asks again";
  EXPECT_FALSE(quick->closed());
  EXPECT_EQ(hub.overruns(), 1U);
  EXPECT_NE(hub.subscribe(), nullptr) << "its place is free";
}

}  // namespace
}  // namespace ubc::test

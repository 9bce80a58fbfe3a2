// SPDX-License-Identifier: Apache-2.0
// The door: who comes in, by which name, and whose wish a change is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/made_up_site.h"

namespace ubc::test {
namespace {

using exporter::foreign_origin;
using exporter::is_our_name;
using exporter::Request;
using testing::ElementsAre;

TEST(Site, OnlyAddressesLocalhostAndItsOwnNamesAreOurs) {
  const std::vector<std::string> names{"hn14"};
  for (const char* host :
       {"127.0.0.1:9641", "127.0.0.1", "10.1.2.3:80", "[::1]:9641", "[::1]", "localhost", "LOCALHOST:9641", "hn14:9641", "HN14"})
    EXPECT_TRUE(is_our_name(host, names)) << host;
  for (const char* host : {"evil.example.com", "evil.example.com:9641", "127.0.0.1.evil.example.com", "hn14.example.com", "", "localhost.",
                           "[::1", "127.0.0.1, evil.example.com"})
    EXPECT_FALSE(is_our_name(host, names)) << host;
}

TEST(Site, ANameThatAnotherSitePointsHereIsTurnedAwayEvenFromThePage) {
  MadeUpSite site;
  for (const char* path : {"/", "/metrics", "/api/v1/host", "/console/console.js"})
    EXPECT_EQ(site.raw({.path = path, .query = {}, .headers = {{"host", "evil.example.com"}}}).status, 421U) << path;
  EXPECT_EQ(site.raw({.path = "/", .query = {}, .headers = {{"host", "panel.example.com:9641"}}}).status, 200U);
  EXPECT_EQ(site.raw({.path = "/metrics", .query = {}, .headers = {{"host", "any.example.com"}, {"authorization", site.reader}}}).status,
            200U)
      << "a token is sent by nobody but its owner";
}

TEST(Site, ThePageIsForAllAndTellsNothingTheRestIsForThoseWhoSayWhoTheyAre) {
  MadeUpSite site;
  EXPECT_EQ(site.raw({"/"}).content_type, "text/html; charset=utf-8");
  EXPECT_EQ(site.raw({"/console/console.js"}).status, 200U);
  for (const char* path :
       {"/console/", "/console/../openapi", "/console/nothing.js", "/metrics", "/api/v1/host", "/api/v1/events", "/api/v1/openapi.json"})
    EXPECT_EQ(site.raw({path}).status, 401U) << path;
  EXPECT_EQ(site.ask("GET", "/metrics", "", site.reader).body, "metrics");
}

TEST(Site, WhoseSessionItIsIsToldToEverybodyWithoutAFailure) {
  MadeUpSite site;
  EXPECT_EQ(site.raw({"/api/v1/session"}).body, "{\"you\":null,\"why\":\"say who you are: a user and password, or a token\"}\n");
  EXPECT_EQ(site.ask("GET", "/api/v1/session", "", "Bearer no").body, "{\"you\":null,\"why\":\"no such user, password or token\"}\n");
  EXPECT_EQ(site.ask("GET", "/api/v1/session").body, "{\"you\":{\"name\":\"ada\",\"role\":\"admin\",\"may_change\":true},\"why\":\"\"}\n");
}

TEST(Site, ABrowserIsAskedForAPasswordButNotByTheConsolesOwnRequests) {
  MadeUpSite site;
  EXPECT_EQ(site.raw({"/api/v1/host"}).headers.at("WWW-Authenticate"), "Basic realm=\"ubcd\", charset=\"UTF-8\"");
  EXPECT_EQ(site.raw({.path = "/api/v1/host", .query = {}, .headers = {{"x-ubc-request", "1"}}}).headers.at("WWW-Authenticate"),
            "Bearer realm=\"ubcd\"");
}

TEST(Site, AReaderChangesNothingAndTheLogSaysThatItTried) {
  MadeUpSite site;
  for (const char* verb : {"start", "stop", "restart"})
    EXPECT_EQ(site.ask("POST", std::string{"/api/v1/containers/101/"} + verb, "", site.reader).status, 403U);
  EXPECT_EQ(site.ask("PATCH", "/api/v1/containers/101/limits", R"({"limits": {"numproc": "1"}, "dry_run": true})", site.reader).status,
            403U);
  EXPECT_TRUE(site.world.done.empty());
  EXPECT_EQ(site.audited.size(), 4U);
  EXPECT_EQ(site.audited[0], "rita (read, 127.0.0.1) POST /api/v1/containers/101/start: refused: not an admin");
}

TEST(Site, WithoutAdminNobodyChangesAnything) {
  MadeUpSite site{false};
  const auto reply = site.ask("POST", "/api/v1/containers/101/stop");
  EXPECT_EQ(reply.status, 403U);
  EXPECT_EQ(
      reply.body,
      "{\"error\":{\"code\":\"read_only\",\"message\":\"this ubcd only reads: it takes changes when it is started with --admin\"}}\n");
  EXPECT_EQ(site.get("/api/v1/host")["you"]["may_change"], false);
  EXPECT_TRUE(site.world.done.empty());
}

Request change() {
  Request request{.path = "/api/v1/containers/101/stop", .query = {}, .headers = {{"host", "127.0.0.1:9641"}, {"x-ubc-request", "1"}}};
  request.method = "POST";
  return request;
}

TEST(Site, AChangeThatAPageOfAnotherSiteCouldSendIsNotTaken) {
  EXPECT_EQ(foreign_origin(change()), "");
  Request form = change();
  form.headers.erase("x-ubc-request");
  EXPECT_EQ(foreign_origin(form), "a change needs the header X-UBC-Request: 1");
  for (const char* origin : {"http://evil.example.com", "null", "http://127.0.0.1:9642", "http://127.0.0.1", "127.0.0.1:9641"}) {
    Request foreign = change();
    foreign.headers["origin"] = origin;
    EXPECT_EQ(foreign_origin(foreign), std::string{"a page of "} + origin + " may not change anything here");
  }
  Request own = change();
  own.headers["origin"] = "http://127.0.0.1:9641";
  own.headers["sec-fetch-site"] = "same-origin";
  EXPECT_EQ(foreign_origin(own), "");
  own.headers["sec-fetch-site"] = "same-site";
  EXPECT_EQ(foreign_origin(own), "a page of another site may not change anything here");
  Request text = change();
  text.body = "{}";
  text.headers["content-type"] = "text/plain";
  EXPECT_EQ(foreign_origin(text), "a body must be application/json");
}

TEST(Site, AForeignChangeReachesNobody) {
  MadeUpSite site;
  Request foreign = change();
  foreign.headers["authorization"] = site.admin;
  foreign.headers["origin"] = "http://evil.example.com";
  EXPECT_EQ(site.raw(foreign).status, 403U);
  EXPECT_TRUE(site.world.done.empty());
  foreign.headers.erase("origin");
  EXPECT_EQ(site.raw(foreign).status, 200U);
  EXPECT_EQ(site.world.done.size(), 1U);
}

}  // namespace
}  // namespace ubc::test

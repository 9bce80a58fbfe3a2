// SPDX-License-Identifier: Apache-2.0
// What Prometheus is shown of a made-up host: every number another one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "exporter/families.h"
#include "exporter/routes.h"

namespace ubc::exporter {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct MadeUp {
  HostReading host;
  OwnReading own;
};

/// Counted guest 101 and adopted 2000000007.
MadeUp two_containers() {
  MadeUp made_up;
  ContainerReading guest{.id = 101,
                         .name = "web",
                         .hostname = "www.example.com",
                         .ostemplate = "busybox",
                         .cgroup = "/c/101",
                         .counted_by_hooks = true,
                         .started_at = 1700000001,
                         .counters = {}};
  guest.counters.of(UBC_NUMPROC) = {.held = 11, .maxheld = 12, .barrier = 13, .limit = 14, .failcnt = 15};
  guest.counters.of(UBC_PRIVVMPAGES) = {.held = 2, .maxheld = 3, .barrier = 4, .failcnt = 6};
  guest.counters.of(UBC_KMEMSIZE) = {.held = 4097, .maxheld = 4098, .failcnt = 0};
  guest.counters.of(UBC_PHYSPAGES).limit = 77;
  ContainerReading adopted;
  adopted.id = 2000000007;
  adopted.name = "po\"d\n";
  adopted.adopted = true;
  adopted.counters.of(UBC_NUMPROC).held = 21;
  adopted.counters.of(UBC_PHYSPAGES) = {.held = 5, .maxheld = 7};
  made_up.host.running = {guest, adopted};
  made_up.host.stopped = 3;
  made_up.own.read_seconds = 0.5;
  made_up.own.kernel = "6.12.1";
  return made_up;
}

Reply reply_to(const MadeUp& made_up, const Request& request) {
  return answer(request, [&](const CollectorSet& wanted, Exposition& out) {
    HostReading host = made_up.host;
    host.collected = wanted;
    write_families(host, made_up.own, out);
  });
}
std::string metrics(const MadeUp& made_up) { return reply_to(made_up, {"/metrics", "", {}}).body; }

TEST(Families, ItemsAreAsTheyAreAndPagesBecomeBytes) {
  const std::string text = metrics(two_containers());
  for (const char* line : {
           "\nubc_held_items{ctid=\"101\",resource=\"numproc\"} 11\n",
           "\nubc_maxheld_items{ctid=\"101\",resource=\"numproc\"} 12\n",
           "\nubc_barrier_items{ctid=\"101\",resource=\"numproc\"} 13\n",
           "\nubc_limit_items{ctid=\"101\",resource=\"numproc\"} 14\n",
           "\nubc_failures_total{ctid=\"101\",resource=\"numproc\"} 15\n",
           "\nubc_held_bytes{ctid=\"101\",resource=\"privvmpages\"} 8192\n",
           "\nubc_maxheld_bytes{ctid=\"101\",resource=\"privvmpages\"} 12288\n",
           "\nubc_barrier_bytes{ctid=\"101\",resource=\"privvmpages\"} 16384\n",
           "\nubc_failures_total{ctid=\"101\",resource=\"privvmpages\"} 6\n",
           "\nubc_held_bytes{ctid=\"101\",resource=\"kmemsize\"} 4097\n",
       })
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(Families, WhatIsUnlimitedOrNotCountedHasNoSeries) {
  const std::string text = metrics(two_containers());
  EXPECT_THAT(text, Not(HasSubstr("ubc_limit_bytes{ctid=\"101\",resource=\"privvmpages\"}")));
  EXPECT_THAT(text, Not(HasSubstr("resource=\"numiptent\""))) << "this version does not count it";
  EXPECT_THAT(text, HasSubstr("ubc_held_items{ctid=\"101\",resource=\"numfile\"} 0\n")) << "nothing held is a number";
}

TEST(Families, WithoutHooksOnlyTheMemoryControllersNumbersAreShown) {
  const std::string text = metrics(two_containers());
  EXPECT_THAT(text, HasSubstr("ubc_held_bytes{ctid=\"2000000007\",resource=\"physpages\"} 20480\n"));
  EXPECT_THAT(text, Not(HasSubstr("ubc_held_items{ctid=\"2000000007\"")));
  EXPECT_THAT(text, Not(HasSubstr("ubc_failures_total{ctid=\"2000000007\",resource=\"numproc\"}")));
  EXPECT_THAT(text, HasSubstr("\nubc_hooks_attached 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("ubc_losses_total")));
}

TEST(Families, ANameIsALabelOfTheInfoSeriesAloneAndEscaped) {
  const std::string text = metrics(two_containers());
  EXPECT_THAT(text, HasSubstr("\nubc_container_info{ctid=\"101\",name=\"web\",mode=\"vswap\",kind=\"guest\",hostname=\"www.example.com\","
                              "ostemplate=\"busybox\",cgroup=\"/c/101\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("ctid=\"2000000007\",name=\"po\\\"d\\\\x0a\",mode=\"classic\",kind=\"adopted\""));
  EXPECT_THAT(text, HasSubstr("\nubc_container_start_time_seconds{ctid=\"101\"} 1700000001\n"));
  EXPECT_THAT(text, Not(HasSubstr("ubc_container_start_time_seconds{ctid=\"2000000007\"}")));
}

TEST(Families, EveryLossOfTheHooksHasItsReason) {
  MadeUp made_up = two_containers();
  HooksReading hooks;
  for (unsigned i = 0; i < UBC_LOSSES; ++i) hooks.health.losses[i] = 100 + i;
  hooks.health.overflow_records = 9;
  hooks.programs = {{"charge_numproc", 31}};
  made_up.host.hooks = hooks;
  const std::string text = metrics(made_up);
  EXPECT_THAT(text, HasSubstr("\nubc_hooks_attached 1\n"));
  EXPECT_THAT(text, HasSubstr("\nubc_losses_total{reason=\"object_table_full\"} 100\n"));
  EXPECT_THAT(text, HasSubstr("\nubc_losses_total{reason=\"refusal_not_logged\"} 102\n"));
  EXPECT_THAT(text, HasSubstr("\nubc_losses_total{reason=\"cgroup_unmapped\"} 107\n"));
  EXPECT_THAT(text, HasSubstr("\nubc_overflow_records 9\n"));
  EXPECT_THAT(text, HasSubstr("\nubc_bpf_program_missed_total{program=\"charge_numproc\"} 31\n"));
}

TEST(Families, TheHostAndUbcdItselfAreThere) {
  const std::string text = metrics(two_containers());
  EXPECT_THAT(text, HasSubstr("\nubc_containers{state=\"running\"} 2\nubc_containers{state=\"stopped\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("\nubc_collector_duration_seconds{collector=\"host\"} 0.5\n"));
  EXPECT_THAT(text, HasSubstr("kernel=\"6.12.1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE process_cpu_seconds_total counter\n"));
}

TEST(Routes, OnlyTheLandingPageAndTheMetricsAreThere) {
  EXPECT_EQ(reply_to(two_containers(), {"/metrics", "", {}}).content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(reply_to(two_containers(), {"/", "", {}}).body, HasSubstr("href=\"/metrics\""));
  for (const char* path : {"/metrics/", "/etc/passwd", "", "*"}) EXPECT_EQ(reply_to(two_containers(), {path, "", {}}).status, 404U) << path;
}

TEST(Routes, AClientGetsTheFormatAndTheCodingThatItLikes) {
  const Reply reply =
      reply_to(two_containers(), {"/metrics", "", {{"accept", "application/openmetrics-text"}, {"accept-encoding", "gzip"}}});
  EXPECT_EQ(reply.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_EQ(reply.headers.at("Content-Encoding"), "gzip");
  EXPECT_EQ(reply.headers.at("Vary"), "Accept, Accept-Encoding");
  EXPECT_THAT(reply.body, StartsWith("\x1f\x8b"));
  const Reply plain = reply_to(two_containers(), {"/metrics", "", {{"accept-encoding", "gzip;q=0"}}});
  EXPECT_FALSE(plain.headers.contains("Content-Encoding"));
  EXPECT_THAT(plain.body, StartsWith("# HELP ubc_container_info "));
  EXPECT_FALSE(
      reply_to(two_containers(), {"/metrics", "name[]=ubc_containers", {{"accept-encoding", "gzip"}}}).headers.contains("Content-Encoding"))
      << "what is one packet anyway is not packed";
}

TEST(Routes, AQueryChoosesFamiliesAndCollectors) {
  EXPECT_EQ(reply_to(two_containers(), {"/metrics", "name[]=ubc_hooks_attached&name%5B%5D=ubc_overflow_records", {}}).body,
            "# HELP ubc_hooks_attached 1: hooks count and refuse on this host\n# TYPE ubc_hooks_attached gauge\nubc_hooks_attached 0\n");
  const std::string some = reply_to(two_containers(), {"/metrics", "collect[]=hooks", {}}).body;
  EXPECT_THAT(some, HasSubstr("\nubc_hooks_attached 0\n"));
  EXPECT_THAT(some, Not(HasSubstr("ubc_held_items")));
  EXPECT_THAT(some, Not(HasSubstr("process_cpu")));
  EXPECT_EQ(reply_to(two_containers(), {"/metrics", "name[]=ubc_nothing", {}}).body, "");
}

TEST(Routes, AQueryThatMakesNoSenseIsRefused) {
  const Reply unknown = reply_to(two_containers(), {"/metrics", "collect[]=%0a", {}});
  EXPECT_EQ(unknown.status, 400U);
  EXPECT_EQ(unknown.body, "collect \\x0a: there is no such collector: see ubcd --help\n");
  EXPECT_EQ(reply_to(two_containers(), {"/metrics", "name[]=%", {}}).status, 400U);
}

}  // namespace
}  // namespace ubc::exporter

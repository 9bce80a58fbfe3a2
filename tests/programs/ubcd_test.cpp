// SPDX-License-Identifier: Apache-2.0
// ubcd as Prometheus and an admin see it: over HTTP, beside ubctl's own words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <csignal>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include "tests/programs/daemon.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

class Ubcd : public Guest {};

TEST_F(Ubcd, WhatIsServedIsWhatUbctlShows) {
  create("--name web --numproc 10:12 --numfile 300");
  start();
  (void)ubctl("exec 101 'for i in $(seq 30); do sleep 100 >/dev/null 2>&1 & done'");
  const Daemon daemon;
  const std::string text = get("/metrics");
  EXPECT_EQ(value_of(text, "ubc_hooks_attached"), "1") << text << text_of(kLog);
  for (const char* resource : {"numproc", "numfile", "numothersock", "nummount"}) {
    EXPECT_EQ(value_of(text, of_101("ubc_held_items", resource)), field("101", resource)) << resource;
    EXPECT_EQ(value_of(text, of_101("ubc_failures_total", resource)), field("101", std::string{resource} + ".f")) << resource;
  }
  EXPECT_NE(field("101", "numproc.f"), "0") << "nothing was refused: the test compared nothing";
  EXPECT_EQ(value_of(text, of_101("ubc_maxheld_items", "numproc")), field("101", "numproc.m"));
  EXPECT_EQ(value_of(text, of_101("ubc_barrier_items", "numproc")), "10");
  EXPECT_EQ(value_of(text, of_101("ubc_limit_items", "numproc")), "12");
  EXPECT_EQ(value_of(text, of_101("ubc_limit_items", "numothersock")), "") << "unlimited";
  const long long pages = std::stoll(field("101", "privvmpages"));
  EXPECT_EQ(std::stoll(value_of(text, of_101("ubc_held_bytes", "privvmpages"))), pages * 4096);
  EXPECT_NE(value_of(text, of_101("ubc_held_bytes", "physpages")), "0");
  EXPECT_THAT(text, HasSubstr("ubc_container_info{ctid=\"101\",name=\"web\",mode=\"classic\",kind=\"guest\""));
  EXPECT_EQ(value_of(text, "ubc_read_failures_total"), "0") << text_of(kLog);
}

/// The capabilities that its unit leaves it are enough.
TEST_F(Ubcd, ReadsAllWithTheCapabilitiesOfItsUnit) {
  create();
  start();
  const std::string unit = text_of(UBC_SOURCE "/packaging/systemd/ubcd.service");
  std::smatch kept;
  ASSERT_TRUE(std::regex_search(unit, kept, std::regex{"\nCapabilityBoundingSet=CAP_([A-Z_]+)\n"}));
  std::string capability = kept[1];
  for (char& letter : capability) letter = static_cast<char>(std::tolower(letter));
  const Daemon daemon{"setpriv --no-new-privs --inh-caps=-all --bounding-set=-all,+" + capability};
  EXPECT_THAT(text_of("/proc/" + std::to_string(daemon.pid()) + "/status"), HasSubstr("CapEff:\t0000000000200000\n"))
      << "it has more than CAP_SYS_ADMIN";
  EXPECT_THAT(get("/api/v1/containers/101"), HasSubstr("\"state\":\"running\""));
  const std::string text = get("/metrics");
  EXPECT_EQ(value_of(text, of_101("ubc_held_items", "numproc")), field("101", "numproc")) << text_of(kLog);
  EXPECT_EQ(value_of(text, "ubc_read_failures_total"), "0") << text_of(kLog);
}

/// By itself, whatever it was started with; all the tests of this file run it so.
TEST_F(Ubcd, KeepsOneCapabilityAndOnlyTheSystemCallsThatItNeeds) {
  const Daemon daemon;
  const std::string status = text_of("/proc/" + std::to_string(daemon.pid()) + "/status");
  for (const char* line : {"CapInh:\t0000000000000000\n", "CapPrm:\t0000000000200000\n", "CapEff:\t0000000000200000\n",
                           "CapBnd:\t0000000000200000\n", "CapAmb:\t0000000000000000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n"})
    EXPECT_THAT(status, HasSubstr(line));
}

TEST_F(Ubcd, ReadsItsConfigurationAgainAtSighupAndKeepsItWhereTheNewOneIsBroken) {
  const auto configure = [](const std::string& text) { std::ofstream{"/tmp/ubcd.conf"} << text; };
  configure("collector.process=false\n");
  const Daemon daemon{"", "--config /tmp/ubcd.conf"};
  EXPECT_THAT(get("/metrics"), Not(HasSubstr("process_open_fds")));
  configure("fleet=10.0.0.5:9641\n");
  ASSERT_EQ(::kill(daemon.pid(), SIGHUP), 0);
  EXPECT_EQ(daemon.next_word(), "RELOADING=1");
  EXPECT_EQ(daemon.next_word(), "READY=1");
  EXPECT_THAT(get("/metrics"), HasSubstr("\nprocess_open_fds "));
  EXPECT_EQ(get("/sd"), "[{\"labels\":{},\"targets\":[\"10.0.0.5:9641\"]}]\n");
  EXPECT_EQ(value_of(get("/metrics"), "ubc_config_last_reload_successful"), "1");
  configure("collector.process=false\nno-such-thing=1\n");
  ASSERT_EQ(::kill(daemon.pid(), SIGHUP), 0);
  EXPECT_EQ(daemon.next_word(), "RELOADING=1");
  EXPECT_EQ(daemon.next_word(), "READY=1");
  const std::string text = get("/metrics");
  EXPECT_EQ(value_of(text, "ubc_config_last_reload_successful"), "0");
  EXPECT_THAT(text, HasSubstr("\nprocess_open_fds ")) << "the broken file has changed something";
  EXPECT_THAT(text_of(kLog), HasSubstr("no-such-thing"));
  EXPECT_THAT(text_of(kLog), HasSubstr(": the configuration stays as it was\n"));
}

TEST_F(Ubcd, FeedsTheWatchdogThatSystemdSetsIt) {
  const Daemon daemon{"WATCHDOG_USEC=400000"};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(daemon.next_word(), "WATCHDOG=1");
}

TEST_F(Ubcd, SpeaksTheFormatAndTheCodingThatAreAskedFor) {
  const Daemon daemon;
  const std::string openmetrics = get("/metrics", "-i --compressed -H 'Accept: application/openmetrics-text;version=1.0.0'");
  EXPECT_THAT(openmetrics, HasSubstr("\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"));
  EXPECT_THAT(openmetrics, HasSubstr("\r\nContent-Encoding: gzip\r\n"));
  EXPECT_THAT(openmetrics, HasSubstr("\n# EOF\n"));
  EXPECT_THAT(get("/metrics", "-i -H 'Accept-Encoding: gzip;q=0'"), Not(HasSubstr("Content-Encoding")));
  EXPECT_THAT(get("/metrics?name[]=ubc_hooks_attached", "-g"),
              MatchesRegex("# HELP ubc_hooks_attached [^\n]*\n# TYPE ubc_hooks_attached gauge\nubc_hooks_attached [01]\n"));
  const Ran checked = shell("curl -sS http://127.0.0.1:9641/metrics | promtool check metrics");
  EXPECT_EQ(checked.status, 0);
  EXPECT_EQ(checked.output, "");
}

TEST_F(Ubcd, AnswersOnlyWhatItServesAndNothingTooLarge) {
  const Daemon daemon;
  const auto status = [](const std::string& what) { return get(what, "-o /dev/null -w '%{http_code}'"); };
  EXPECT_EQ(status("/"), "200");
  EXPECT_EQ(status("/metrics?x=1"), "200");
  EXPECT_EQ(status("/nothing"), "404");
  EXPECT_EQ(status("/metrics -X DELETE"), "405");
  EXPECT_EQ(status("/metrics -X GET -d body"), "413");
  EXPECT_EQ(status("/api/v1/host -X POST -d $(printf %17000s | tr ' ' x)"), "413");
  EXPECT_EQ(status("/metrics -H \"X: $(printf %9000s | tr ' ' x)\""), "431");
  EXPECT_THAT(get("/metrics", "-I"), StartsWith("HTTP/1.1 200 OK"));
  EXPECT_EQ(shell(R"(bash -c 'exec 3<>/dev/tcp/127.0.0.1/9641; printf "no\r\n\r\n" >&3; head -n 1 <&3')").output,
            "HTTP/1.1 400 Bad Request\r\n");
  EXPECT_EQ(status("/metrics"), "200") << "it is still there";
}

TEST_F(Ubcd, AConnectionTooManyIsTurnedAwayUntilAnotherIsClosed) {
  const Daemon daemon;
  std::vector<int> idle;
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(9641), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  for (int i = 0; i < 64; ++i) {
    idle.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(idle.back(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  const std::string status = "-o /dev/null -w '%{http_code}'";
  EXPECT_EQ(get("/metrics", status), "503");
  for (const int connection : idle) (void)::close(connection);
  EXPECT_EQ(value_of(get("/metrics", "--retry 5 --retry-delay 1"), "ubc_http_connections_refused_total"), "1");
}

TEST_F(Ubcd, SaysInOneSentenceWhyItCannotStart) {
  const Daemon daemon;
  const Ran second = shell(UBCD);
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.output, HasSubstr("error: listen on 127.0.0.1:9641: another program has that port: say another one with --listen\n"));
  const Ran nowhere = shell(UBCD " --listen nowhere");
  EXPECT_EQ(nowhere.status, 1);
  EXPECT_THAT(nowhere.output, HasSubstr("error: listen on nowhere: say ADDRESS:PORT, like 127.0.0.1:9641 or [::1]:9641\n"));
  EXPECT_EQ(shell(UBCD " --port 3").status, 2);
}

}  // namespace
}  // namespace ubc::test

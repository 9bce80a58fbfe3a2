// SPDX-License-Identifier: Apache-2.0
// What a host does to ubcd that nobody wished for: containers that come and go under a scrape, clocks that jump, a log that can't be
// written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "tests/programs/daemon.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;

class UbcdFaults : public Guest {};

TEST_F(UbcdFaults, AContainerThatIsStartedAndStoppedUnderScrapesIsNoFailureAndItsNumbersAreRightAfterwards) {
  create("--numproc 10");
  const Daemon daemon;
  std::atomic<bool> done = false;
  std::thread scraper{[&] {
    while (!done) (void)get("/metrics", "-o /dev/null");
  }};
  for (int i = 0; i < 4; ++i) {
    start();
    EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  }
  start();
  done = true;
  scraper.join();
  const std::string text = get("/metrics");
  EXPECT_EQ(value_of(text, "ubc_read_failures_total"), "0") << text_of(kLog);
  EXPECT_EQ(value_of(text, of_101("ubc_held_items", "numproc")), field("101", "numproc"));
  EXPECT_EQ(value_of(text, of_101("ubc_limit_items", "numproc")), "10");
}

/// The wall's clock by so much, and back when this is gone.
class ClockJump {
 public:
  explicit ClockJump(time_t seconds) : seconds_{seconds} { jump(seconds_); }
  ~ClockJump() { jump(-seconds_); }
  ClockJump(const ClockJump&) = delete;
  ClockJump& operator=(const ClockJump&) = delete;

 private:
  static void jump(time_t seconds) {
    timespec now{};
    (void)::clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += seconds;
    EXPECT_EQ(::clock_settime(CLOCK_REALTIME, &now), 0);
  }
  time_t seconds_;
};

TEST_F(UbcdFaults, AClockThatJumpsForthAndBackLeavesTheHourInOrderAndTheWatchdogFed) {
  create();
  start();
  const Daemon daemon{"WATCHDOG_USEC=10000000"};   // few words: one that nobody reads would stop it, and it is asked things meanwhile
  const auto times = [] { return nlohmann::json::parse(get("/api/v1/containers/101/history"), nullptr, false)["times"]; };
  const time_t before = std::time(nullptr);
  {
    const ClockJump day{86400};
    EXPECT_EQ(daemon.next_word(), "WATCHDOG=1");
    EXPECT_EQ(value_of(get("/metrics"), "ubc_read_failures_total"), "0") << text_of(kLog);
  }
  {
    const ClockJump back{-86400};
    EXPECT_EQ(daemon.next_word(), "WATCHDOG=1");
    EXPECT_NE(get("/metrics"), "");
  }
  const auto hour = times();
  ASSERT_TRUE(hour.is_array() && !hour.empty()) << hour;
  for (std::size_t i = 1; i < hour.size(); ++i) EXPECT_LT(hour[i - 1], hour[i]);
  EXPECT_NEAR(hour.back().get<double>(), static_cast<double>(before), 3600);
}

TEST_F(UbcdFaults, ALogThatNobodyCanWriteIsNoReasonToEnd) {
  create();
  start();
  for (const char* log : {"/dev/full", ">(:)"}) {   // a full disk; a reader that is gone
    std::ofstream{"/tmp/with-log"} << "exec \"$@\" 2> " << log << "\n";
    std::ofstream{"/tmp/ubcd.conf"} << "";
    Daemon daemon{"bash /tmp/with-log", "--config /tmp/ubcd.conf"};
    std::ofstream{"/tmp/ubcd.conf"} << "no-such-thing=1\n";
    ASSERT_EQ(::kill(daemon.pid(), SIGHUP), 0);   // which has something to say
    EXPECT_EQ(daemon.next_word(), "RELOADING=1");
    EXPECT_EQ(daemon.next_word(), "READY=1");
    const std::string text = get("/metrics");
    EXPECT_EQ(value_of(text, "ubc_config_last_reload_successful"), "0") << log;
    EXPECT_EQ(value_of(text, of_101("ubc_held_items", "numproc")), field("101", "numproc")) << log;
    EXPECT_EQ(daemon.stop(), 0) << log;
  }
}

TEST_F(UbcdFaults, AnAuditThatCannotBeReadIsAFailureThatIsSaidAndTheNextOneMendsIt) {
  create();
  start();
  const Daemon daemon;
  EXPECT_EQ(value_of(get("/metrics"), "ubc_audit_last_run_timestamp_seconds"), "") << "there was none";
  std::ofstream{"/run/ubc/audit.json"} << "{";
  EXPECT_EQ(value_of(get("/metrics"), "ubc_read_failures_total"), "1");
  EXPECT_THAT(text_of(kLog), HasSubstr("read the last audit: "));
  const Ran audit = ubctl("audit");
  EXPECT_EQ(audit.status, 0) << audit.output;
  EXPECT_THAT(audit.output, HasSubstr("\nnumproc "));
  const std::string text = get("/metrics");
  for (const char* resource : {"numproc", "numfile", "numtcpsock", "numothersock"}) {
    EXPECT_EQ(value_of(text, "ubc_ledger_drift_items{resource=\"" + std::string{resource} + "\"}"), "0") << audit.output;
    EXPECT_EQ(value_of(text, "ubc_ledger_missed_items{resource=\"" + std::string{resource} + "\"}"), "0") << audit.output;
  }
  EXPECT_EQ(value_of(text, "ubc_ledger_drift_bytes{resource=\"privvmpages\"}"), "0") << audit.output;
  EXPECT_EQ(value_of(text, "ubc_read_failures_total"), "1") << text_of(kLog);
}

}  // namespace
}  // namespace ubc::test

// SPDX-License-Identifier: Apache-2.0
// What a scrape finds on a host of made-up directories, and what it makes of those that are gone or garbled: a failure that names them, and
// the rest is there all the same.
#include "exporter/reading.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "container/container_record.h"
#include "container/usage.h"
#include "exporter/families.h"
#include "exporter/history.h"
#include "os/process.h"

namespace ubc::exporter {
namespace {

namespace fs = std::filesystem;

/// Guests 101 and 102 whose process 1 is this test, without hooks; and 103, which is stopped.
class ReadHost : public testing::Test {
 protected:
  void SetUp() override {
    host_.paths.etc = root_ + "/etc";
    host_.paths.lib = root_ + "/lib";
    host_.paths.run = root_ + "/run";
    host_.paths.cgroups = root_ + "/cgroup";
    host_.paths.pins = root_ + "/pins";
    fs::create_directories(host_.paths.conf());
    fs::create_directories(host_.paths.run);
    for (const std::uint32_t id : {101U, 102U, 103U}) {
      fs::create_directories(host_.paths.area_of(id));
      put(host_.paths.area_of(id) + "/slot", std::to_string(id - 100) + "\n");
      put(host_.paths.config_of(id), "NAME=\"web" + std::to_string(id) + "\"\nPHYSPAGES=\"0:100\"\n");
      if (id != 103) run(id);
    }
  }
  void TearDown() override { fs::remove_all(root_); }

  static void put(const std::string& path, const std::string& text) { std::ofstream{path} << text; }
  [[nodiscard]] std::string knob(std::uint32_t id, const std::string& file) const { return host_.paths.cgroup_of(id, "") + "/" + file; }
  void run(std::uint32_t id) const {
    fs::create_directories(host_.paths.cgroup_of(id, ""));
    put(knob(id, "memory.current"), std::to_string(id * 4096) + "\n");
    put(knob(id, "memory.events"), "low 0\nhigh 0\nmax 3\noom 0\noom_kill 1\n");
    put(knob(id, "cpu.stat"), "usage_usec 3\nuser_usec 1000000\nsystem_usec 2000000\n");
    container::RunRecord record;
    record.starting = false;
    record.init_pid = ::getpid();
    record.init_start_time = os::start_time_of(::getpid()).value();
    record.started_at = 1700000000;
    ASSERT_TRUE(container::write_record(host_, id, record));
  }
  [[nodiscard]] HostReading read() const { return read_host(host_, CollectorSet::all()); }

  std::string root_ = testing::TempDir() + "read-host-" + std::to_string(::getpid());
  container::Host host_;
};

TEST_F(ReadHost, WithoutHooksTheMemoryControllerAndTheCgroupAreRead) {
  const HostReading reading = read();
  ASSERT_TRUE(reading.failures.empty()) << reading.failures[0].message;
  ASSERT_EQ(reading.running.size(), 2U);
  const ContainerReading& guest = reading.running[0];
  EXPECT_EQ(guest.id, 101U);
  EXPECT_EQ(guest.name, "web101");
  EXPECT_EQ(guest.started_at, 1700000000);
  EXPECT_FALSE(guest.counted_by_hooks);
  EXPECT_EQ(guest.counters.of(UBC_PHYSPAGES).held, 101U);
  EXPECT_EQ(guest.counters.of(UBC_PHYSPAGES).limit, 100U);
  EXPECT_EQ(guest.counters.of(UBC_PHYSPAGES).failcnt, 3U);
  EXPECT_EQ(guest.usage.cpu->system, 2.0);
  EXPECT_EQ(guest.usage.memory_events.at("oom_kill"), 1U);
  EXPECT_FALSE(guest.usage.suspended);
  EXPECT_EQ(reading.stopped, std::vector<std::uint32_t>{103});
  EXPECT_GT(reading.totals->memory.ram_bytes, 0U);
}

TEST_F(ReadHost, WhatNoCollectorAsksForIsNotRead) {
  put(knob(101, "cpu.stat"), "garbage\n");
  CollectorSet some;
  some.set(Collector::beancounters, true);
  const HostReading reading = read_host(host_, some);
  EXPECT_TRUE(reading.failures.empty());
  EXPECT_FALSE(reading.running.at(0).usage.cpu);
  EXPECT_FALSE(reading.totals);
}

TEST_F(ReadHost, ACgroupThatIsGoneUnderARunningGuestIsAFailureOfThatContainerAlone) {
  fs::remove_all(host_.paths.cgroup_of(101, ""));
  const HostReading reading = read();
  ASSERT_EQ(reading.failures.size(), 1U);
  EXPECT_EQ(reading.failures[0].message, "reading container 101: open " + host_.paths.cgroup_of(101, "") + ": No such file or directory");
  ASSERT_EQ(reading.running.size(), 1U);
  EXPECT_EQ(reading.running[0].id, 102U);
}

TEST_F(ReadHost, AFileThatIsGarbledOrCannotBeReadIsAFailureThatNamesIt) {
  put(knob(101, "memory.current"), "many\n");
  fs::remove(knob(102, "memory.current"));
  fs::create_directory(knob(102, "memory.current"));
  const HostReading reading = read();
  ASSERT_EQ(reading.failures.size(), 2U);
  EXPECT_TRUE(reading.failures[0].message.starts_with("reading container 101: ")) << reading.failures[0].message;
  EXPECT_EQ(reading.failures[1].message, "reading container 102: read " + knob(102, "memory.current") + ": Is a directory");
  EXPECT_TRUE(reading.running.empty());
}

TEST_F(ReadHost, AContainerThatEndedIsStoppedAndNoFailure) {
  fs::remove_all(host_.paths.cgroup_of(101, ""));
  container::remove_record(host_, 101);
  const HostReading reading = read();
  EXPECT_TRUE(reading.failures.empty());
  EXPECT_EQ(reading.stopped, (std::vector<std::uint32_t>{101, 103}));
}

/// So many as UBC_CHURN says (10,000 by hand), each made and gone again while all are read.
TEST_F(ReadHost, ContainersThatComeAndGoDuringScrapesAreNoFailureAndAllIsRightAfterwards) {
  const char* wanted = std::getenv("UBC_CHURN");
  const int cycles = wanted == nullptr ? 300 : std::atoi(wanted);
  std::atomic<bool> done = false;
  std::thread churn{[&] {
    for (int i = 0; i < cycles; ++i) {
      const auto id = static_cast<std::uint32_t>(200 + i % 7);
      fs::create_directories(host_.paths.area_of(id));
      put(host_.paths.area_of(id) + "/slot", std::to_string(id) + "\n");
      put(host_.paths.config_of(id), "NAME=\"short\"\n");
      run(id);
      container::remove_record(host_, id);
      fs::remove_all(host_.paths.cgroup_of(id, ""));
      fs::remove(host_.paths.config_of(id));
      fs::remove_all(host_.paths.area_of(id));
    }
    done = true;
  }};
  History history;
  Crossings crossings;
  std::size_t scrapes = 0, seen = 0;
  std::string failures;
  for (double now = 0; !done || scrapes == 0; now += 30, ++scrapes) {
    const HostReading reading = read();
    for (const Error& failure : reading.failures) failures += failure.message + "\n";
    seen += reading.running.size() - std::min<std::size_t>(reading.running.size(), 2);
    history.sample({.wall = now, .steady = now}, reading);
    crossings.look(reading);
    std::string text;
    Exposition out{text, Format::text};
    write_families(reading, {}, out);
  }
  churn.join();
  EXPECT_EQ(failures, "");
  const HostReading after = read();
  EXPECT_EQ(after.running.size(), 2U);
  EXPECT_EQ(after.stopped, std::vector<std::uint32_t>{103});
  EXPECT_EQ(after.running[1].counters.of(UBC_PHYSPAGES).held, 102U);
  RecordProperty("scrapes", static_cast<int>(scrapes));
  std::printf("%d containers came and went in %zu scrapes, which saw %zu of them\n", cycles, scrapes, seen);
}

TEST_F(ReadHost, AConfigurationThatCannotBeReadIsAFailure) {
  fs::remove(host_.paths.config_of(102));
  fs::create_directory(host_.paths.config_of(102));
  const HostReading reading = read();
  ASSERT_EQ(reading.failures.size(), 1U);
  EXPECT_TRUE(reading.failures[0].message.starts_with("reading container 102: ")) << reading.failures[0].message;
  EXPECT_EQ(reading.running.size(), 1U);
}

TEST(Traffic, IsCountedAtTheHostsEndsAndToldAsTheGuestSeesIt) {
  const accounting::TrafficByDevice devices = {{"ubc101", {.device = "ubc101", .received_bytes = 7, .sent_bytes = 9}},
                                               {"ubc102", {.device = "ubc102", .received_bytes = 1, .sent_bytes = 2}}};
  const auto traffic = container::traffic_of({{"ubc101", "venet0"}, {"veth101.0", "eth0"}}, devices);
  ASSERT_EQ(traffic.size(), 1U) << "a link that is gone has no numbers";
  EXPECT_EQ(traffic[0].device, "venet0");
  EXPECT_EQ(traffic[0].received_bytes, 9U);
  EXPECT_EQ(traffic[0].sent_bytes, 7U);
}

}  // namespace
}  // namespace ubc::exporter

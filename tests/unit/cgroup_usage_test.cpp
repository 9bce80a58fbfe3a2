// SPDX-License-Identifier: Apache-2.0
// The kernel's own words on CPU, pressure, IO and network: every number another one, so that two swapped fields show.
#include "accounting/cgroup_usage.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace ubc::accounting {
namespace {

TEST(CgroupUsage, CpuTimesAreInSecondsAndThrottlingIsThereWhereTheControllerIs) {
  const auto bare = parse_cpu_stat("usage_usec 30\nuser_usec 1500000\nsystem_usec 250000\n");
  ASSERT_TRUE(bare) << bare.error().message;
  EXPECT_EQ(bare->user, 1.5);
  EXPECT_EQ(bare->system, 0.25);
  EXPECT_FALSE(bare->throttling);
  const auto limited = parse_cpu_stat("user_usec 1\nsystem_usec 2\nnr_periods 31\nnr_throttled 17\nthrottled_usec 4500000\nnr_bursts 0\n");
  ASSERT_TRUE(limited && limited->throttling);
  EXPECT_EQ(limited->throttling->periods, 31U);
  EXPECT_EQ(limited->throttling->throttled_periods, 17U);
  EXPECT_EQ(limited->throttling->throttled, 4.5);
}

TEST(CgroupUsage, ACpuLimitIsACountOfCores) {
  EXPECT_EQ(parse_cpu_max("150000 100000\n")->value(), 1.5);
  EXPECT_FALSE(parse_cpu_max("max 100000\n")->has_value());
  for (const char* broken : {"", "1", "1 0", "-1 5"}) EXPECT_FALSE(parse_cpu_max(broken)) << broken;
}

TEST(CgroupUsage, PressureIsWaitingAndWhereTheKernelSaysItStalled) {
  const auto both =
      parse_pressure("some avg10=1.00 avg60=2.00 avg300=3.00 total=4500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1250000\n");
  ASSERT_TRUE(both) << both.error().message;
  EXPECT_EQ(both->some, 4.5);
  EXPECT_EQ(both->full, 1.25);
  EXPECT_FALSE(parse_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n")->full);
  EXPECT_EQ(parse_pressure("some avg10=0.00\n").error().code, Code::corrupt);
}

TEST(CgroupUsage, IoIsPerDeviceAndOneThatDidNothingHasNone) {
  const auto io =
      parse_io_stat("8:16 \n8:32 8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n254:0 rbytes=7 wbytes=8 rios=9 wios=10 \n7:0\n");
  ASSERT_TRUE(io) << io.error().message;
  ASSERT_EQ(io->size(), 2U);
  EXPECT_EQ((*io)[0].device, "8:0");
  EXPECT_EQ((*io)[0].read_bytes, 1U);
  EXPECT_EQ((*io)[0].written_bytes, 2U);
  EXPECT_EQ((*io)[0].reads, 3U);
  EXPECT_EQ((*io)[0].writes, 4U);
  EXPECT_EQ((*io)[1].device, "254:0");
  EXPECT_EQ((*io)[1].writes, 10U);
  EXPECT_EQ(parse_io_stat("8:0 rbytes=x\n").error().code, Code::corrupt);
}

TEST(CgroupUsage, TrafficIsPerDeviceWithoutTheLoopback) {
  const auto traffic = parse_net_dev(
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
      "    lo:  1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
      "  eth0:  21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36\n");
  ASSERT_TRUE(traffic) << traffic.error().message;
  ASSERT_EQ(traffic->size(), 1U);
  const Traffic& eth0 = traffic->front();
  EXPECT_EQ(eth0.device, "eth0");
  EXPECT_EQ(eth0.received_bytes, 21U);
  EXPECT_EQ(eth0.received_packets, 22U);
  EXPECT_EQ(eth0.received_errors, 23U);
  EXPECT_EQ(eth0.received_drops, 24U);
  EXPECT_EQ(eth0.sent_bytes, 29U);
  EXPECT_EQ(eth0.sent_packets, 30U);
  EXPECT_EQ(eth0.sent_errors, 31U);
  EXPECT_EQ(eth0.sent_drops, 32U);
  EXPECT_EQ(parse_net_dev("  eth0: 1 2\n").error().code, Code::corrupt);
  const Traffic other = of_other_end(eth0, "venet0");
  EXPECT_EQ(other.device, "venet0");
  EXPECT_EQ(other.received_bytes, 29U);
  EXPECT_EQ(other.received_packets, 30U);
  EXPECT_EQ(other.received_errors, 31U);
  EXPECT_EQ(other.received_drops, 32U);
  EXPECT_EQ(other.sent_bytes, 21U);
  EXPECT_EQ(other.sent_packets, 22U);
  EXPECT_EQ(other.sent_errors, 23U);
  EXPECT_EQ(other.sent_drops, 24U);
}

/// A directory that looks like a cgroup, gone with the object.
class MadeUpCgroup {
 public:
  MadeUpCgroup() { std::filesystem::create_directory(path_); }
  MadeUpCgroup(const MadeUpCgroup&) = delete;
  MadeUpCgroup& operator=(const MadeUpCgroup&) = delete;
  ~MadeUpCgroup() { std::filesystem::remove_all(path_); }
  void put(const std::string& file, const std::string& text) const { std::ofstream{path_ + "/" + file} << text; }
  [[nodiscard]] os::CgroupDir open() const { return *os::CgroupDir::open(path_); }

 private:
  std::string path_ = testing::TempDir() + "cgroup-" + std::to_string(::getpid());
};

TEST(CgroupUsage, WhatTheKernelHasNotIsAbsentAndWhatItGarblesIsAFailure) {
  const MadeUpCgroup made_up;
  const os::CgroupDir cgroup = made_up.open();
  EXPECT_FALSE(read_cpu_usage(cgroup)->has_value());
  EXPECT_FALSE(read_cpu_share(cgroup)->weight);
  EXPECT_TRUE(read_pressures(cgroup)->empty());
  EXPECT_TRUE(read_io(cgroup)->empty());
  EXPECT_TRUE(read_memory_events(cgroup)->empty());
  EXPECT_FALSE(*is_frozen(cgroup));
  made_up.put("cpu.weight", "79\n");
  made_up.put("memory.events", "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\n");
  made_up.put("cgroup.freeze", "1\n");
  made_up.put("io.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=2000000\n");
  EXPECT_EQ(read_cpu_share(cgroup)->weight, 79U);
  EXPECT_EQ(read_memory_events(cgroup)->at("oom_kill"), 5U);
  EXPECT_TRUE(*is_frozen(cgroup));
  EXPECT_EQ(read_pressures(cgroup)->at("io").some, 2.0);
  made_up.put("memory.events", "low\n");
  EXPECT_EQ(read_memory_events(cgroup).error().code, Code::corrupt);
  std::filesystem::create_directory(cgroup.path() + "/cpu.stat");
  EXPECT_FALSE(read_cpu_usage(cgroup)) << "a file that can't be read";
}

}  // namespace
}  // namespace ubc::accounting

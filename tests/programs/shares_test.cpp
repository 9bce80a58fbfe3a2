// SPDX-License-Identifier: Apache-2.0
// CPU and disk, in vzctl's words, live and at a start: as the kernel has them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;

std::string knob(const std::string& file) { return text_of("/sys/fs/cgroup/ubc/101/" + file); }

class Shares : public Guest {};

TEST_F(Shares, AreSetAtAStartChangedLiveAndKeptWhereSaved) {
  create("--cpuunits 2000 --cpulimit 150 --cpumask 0 --iopslimit 500");
  start();
  EXPECT_EQ(knob("cpu.weight"), "200\n");
  EXPECT_EQ(knob("cpu.max"), "150000 100000\n");
  EXPECT_EQ(knob("cpuset.cpus"), "0\n");
  const std::string shown = ubctl("show 101").output;
  EXPECT_THAT(shown, HasSubstr("      150%         0 throttled\ncputhrottled"));
  EXPECT_THAT(shown, HasSubstr("\niowrites              0         -         -     500/s         - throttled\n"));
  EXPECT_THAT(ubctl("show 101 --json").output, HasSubstr("\"limit\": 1.5,\n            \"limit_per_second\": true"));
  EXPECT_THAT(knob("io.max"), HasSubstr("rbps=max wbps=max riops=500 wiops=500"));
  EXPECT_THAT(ubctl("exec 101 grep Cpus_allowed_list /proc/self/status").output, HasSubstr("\t0\n"));
  const Ran live = ubctl("set 101 --cpus 1 --cpumask all");   // beside the configuration's cpulimit
  EXPECT_EQ(live.status, 0) << live.output;
  EXPECT_THAT(live.output, HasSubstr("Setting CPUs: 1\n"));
  EXPECT_EQ(knob("cpu.max"), "100000 100000\n");
  EXPECT_EQ(knob("cpuset.cpus"), "0-1\n");
  EXPECT_EQ(knob("cpu.weight"), "200\n");   // what the command does not say stays
  EXPECT_EQ(ubctl("set 101 --cpulimit 0 --cpuunits 500 --save").status, 0);
  EXPECT_EQ(knob("cpu.max"), "max 100000\n");
  EXPECT_EQ(field("101", "cpuunits"), "500");
  EXPECT_EQ(ubctl("restart 101 --fast").status, 0);
  EXPECT_EQ(knob("cpu.weight"), "50\n");
  EXPECT_EQ(knob("cpu.max"), "max 100000\n");
}

TEST_F(Shares, ACpuThatIsNotThereIsRefusedAndNothingIsSaved) {
  create();
  start();
  const Ran wrong = ubctl("set 101 --cpumask 4096 --cpuunits 3000 --save");
  EXPECT_EQ(wrong.status, 21);
  EXPECT_THAT(wrong.output, HasSubstr("Bad parameter for --cpumask: 4096: this host has no such ones"));
  EXPECT_EQ(knob("cpu.weight"), "100\n");
  EXPECT_EQ(shell("grep -c CPU /etc/ubc/conf/101.conf").output, "0\n");
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  EXPECT_EQ(ubctl("set 101 --cpuunits 3000").status, 31);
}

}  // namespace
}  // namespace ubc::test

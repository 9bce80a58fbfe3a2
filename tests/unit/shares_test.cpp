// SPDX-License-Identifier: Apache-2.0
#include "accounting/shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace ubc::test {
namespace {

using accounting::ConfigFile;
using accounting::ShareKnob;
using testing::ElementsAre;

std::string value(std::string_view key, std::string_view text) {
  const auto kept = accounting::share_value(*accounting::find_share(key), text, 4);
  return kept ? *kept : kept.error().message;
}

std::vector<ShareKnob> knobs(std::string_view config) {
  const auto found = accounting::share_knobs(ConfigFile::parse(config), "8:16");
  return found ? *found : std::vector<ShareKnob>{{"failed", found.error().message, ""}};
}

TEST(Shares, AnOptionsTextIsKeptAsOpenVzKeepsIt) {
  EXPECT_EQ(value("CPULIMIT", "150"), "150");
  EXPECT_EQ(value("CPULIMIT", "50%"), "200");   // of 4 CPUs
  EXPECT_EQ(value("IOLIMIT", "10"), "10485760");
  EXPECT_EQ(value("IOLIMIT", "10k"), "10240");
  EXPECT_EQ(value("IOLIMIT", "10B"), "10");
  EXPECT_EQ(value("IOLIMIT", "1G"), "1073741824");
  EXPECT_EQ(value("IOLIMIT", "unlimited"), "0");
  EXPECT_EQ(value("CPUMASK", "0-2,7"), "0-2,7");
  EXPECT_EQ(value("NODEMASK", "all"), "all");
}

TEST(Shares, WhatIsOutOfRangeIsRefusedWithTheRange) {
  EXPECT_EQ(value("CPUUNITS", "8"), "8");
  EXPECT_EQ(value("CPUUNITS", "7"), "Bad parameter for --cpuunits: 7: a number from 8 to 500000");
  EXPECT_EQ(value("CPUUNITS", "500001"), "Bad parameter for --cpuunits: 500001: a number from 8 to 500000");
  EXPECT_EQ(value("CPULIMIT", "101%"), "Bad parameter for --cpulimit: 101: a number from 0 to 100");
  EXPECT_EQ(value("CPUS", "4"), "4");
  EXPECT_EQ(value("CPUS", "5"), "Bad parameter for --cpus: 5: a number from 1 to 4");
  EXPECT_EQ(value("IOPRIO", "7"), "7");
  EXPECT_EQ(value("IOPRIO", "8"), "Bad parameter for --ioprio: 8: a number from 0 to 7");
  EXPECT_EQ(value("IOLIMIT", "2047"), "2146435072");
  EXPECT_EQ(value("IOLIMIT", "2048"),
            "Bad parameter for --iolimit: 2048: bytes a second with B, K, M or G, at most 2147483647, or unlimited");
  EXPECT_EQ(value("IOLIMIT", "fast"),
            "Bad parameter for --iolimit: fast: bytes a second with B, K, M or G, at most 2147483647, or unlimited");
  EXPECT_EQ(value("CPUMASK", "-1"), "Bad parameter for --cpumask: -1: numbers and ranges, as in 0-2,7, or all");
}

TEST(Shares, TheyBecomeTheCgroupsFilesMasksFirst) {
  EXPECT_THAT(knobs("CPUUNITS=1000\nCPULIMIT=150\nCPUMASK=0-1\nIOPRIO=4\nIOLIMIT=10485760\n"),
              ElementsAre(ShareKnob{"cpuset.cpus", "0-1", "cpumask"}, ShareKnob{"cpu.weight", "100", "cpuunits"},
                          ShareKnob{"cpu.max", "150000 100000", "cpulimit"}, ShareKnob{"io.weight", "default 100", "ioprio"},
                          ShareKnob{"io.max", "8:16 rbps=10485760 wbps=10485760 riops=max wiops=max", "iolimit"}));
  EXPECT_THAT(knobs("HOSTNAME=web\nNUMPROC=10\n"), ElementsAre());
}

TEST(Shares, TheTighterOfLimitAndCpusCountsAndZeroIsNone) {
  EXPECT_THAT(knobs("CPULIMIT=150\nCPUS=1\n"), ElementsAre(ShareKnob{"cpu.max", "100000 100000", "cpulimit"}));
  EXPECT_THAT(knobs("CPULIMIT=50\nCPUS=1\n"), ElementsAre(ShareKnob{"cpu.max", "50000 100000", "cpulimit"}));
  EXPECT_THAT(knobs("CPULIMIT=0\n"), ElementsAre(ShareKnob{"cpu.max", "max 100000", "cpulimit"}));
  EXPECT_THAT(knobs("IOLIMIT=0\nIOPSLIMIT=25\n"), ElementsAre(ShareKnob{"io.max", "8:16 rbps=max wbps=max riops=25 wiops=25", "iolimit"}));
  EXPECT_THAT(knobs("CPUMASK=all\n"), ElementsAre(ShareKnob{"cpuset.cpus", "all", "cpumask"}));
  EXPECT_THAT(knobs("CPUUNITS=500000\n"), ElementsAre(ShareKnob{"cpu.weight", "10000", "cpuunits"}));
  EXPECT_THAT(knobs("CPUUNITS=8\n"), ElementsAre(ShareKnob{"cpu.weight", "1", "cpuunits"}));
  EXPECT_THAT(knobs("CPUUNITS=many\n"), ElementsAre(ShareKnob{"failed", "CPUUNITS=\"many\": a number is expected", ""}));
}

TEST(Shares, TwoKeysOfOneFileAreSetTogether) {
  EXPECT_EQ(accounting::partner_of("CPULIMIT"), "CPUS");
  EXPECT_EQ(accounting::partner_of("CPUS"), "CPULIMIT");
  EXPECT_EQ(accounting::partner_of("IOPSLIMIT"), "IOLIMIT");
  EXPECT_EQ(accounting::partner_of("CPUUNITS"), "");
}

}  // namespace
}  // namespace ubc::test

// SPDX-License-Identifier: Apache-2.0
// Configuration files as vzctl read and wrote them (ubc-semantics 5.1, 5.2): quoting, comments, repeated keys, units.
#include "accounting/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ubc::accounting {
namespace {

std::string written(const char* resource, const char* text) {
  const auto limits = parse_limits(*find_resource(resource), text);
  return limits ? format_limits(*limits) : "refused";
}

TEST(Units, OfPagesABareNumberIsPagesAndASuffixIsBytesRoundedDown) {
  EXPECT_EQ(written("privvmpages", "5"), "5");
  EXPECT_EQ(written("privvmpages", "8K"), "2");
  EXPECT_EQ(written("privvmpages", "11k"), "2") << "rounded down";
  EXPECT_EQ(written("privvmpages", "3K"), "0");
  EXPECT_EQ(written("privvmpages", "1M:1G"), "256:262144");
  EXPECT_EQ(written("privvmpages", "1T"), "268435456");
  EXPECT_EQ(written("privvmpages", "7P"), "7");
  EXPECT_EQ(written("privvmpages", "8191B:8192b"), "1:2");
  EXPECT_EQ(written("shmpages", "2.2G"), "576716") << "2362232012.8 bytes";
  EXPECT_EQ(written("swappages", "0:512M"), "0:131072");
}

TEST(Units, OfBytesABareNumberIsBytesAndPagesAreCountedInBytes) {
  for (const char* name : {"kmemsize", "tcpsndbuf", "tcprcvbuf", "othersockbuf", "dgramrcvbuf", "dcachesize"}) {
    EXPECT_EQ(written(name, "5000"), "5000") << name;
    EXPECT_EQ(written(name, "3P"), "12288") << name;
    EXPECT_EQ(written(name, "1.5K:2k"), "1536:2048") << name;
    EXPECT_EQ(written(name, "9B"), "9") << name;
  }
}

TEST(Units, OfItemsNoSuffixIsTaken) {
  for (const ResourceInfo& info : kResources) {
    if (info.unit != Unit::items) continue;
    for (const char* text : {"5K", "5M", "5G", "5T", "5P", "5B", "1.5"}) EXPECT_FALSE(parse_limits(info, text)) << info.name << " " << text;
  }
  EXPECT_EQ(written("numproc", "5:6"), "5:6");
}

TEST(Units, AFractionNeedsASuffixAndUnlimitedStandsOnEitherSide) {
  EXPECT_EQ(written("kmemsize", "1.5"), "refused");
  EXPECT_EQ(written("privvmpages", "2.5"), "refused");
  EXPECT_EQ(written("kmemsize", "1.2.3K"), "refused");
  EXPECT_EQ(written("kmemsize", "K"), "refused");
  EXPECT_EQ(written("kmemsize", "unlimited"), "unlimited");
  EXPECT_EQ(written("kmemsize", "7:unlimited"), "7:unlimited");
  EXPECT_EQ(written("kmemsize", "unlimited:7"), "refused") << "the barrier is over the limit";
  EXPECT_EQ(written("kmemsize", "99999999999T"), "unlimited") << "too large is as large as can be";
  EXPECT_EQ(written("kmemsize", "9223372036854775807"), "unlimited");
  EXPECT_EQ(written("kmemsize", "9223372036854775806"), "9223372036854775806");
  EXPECT_EQ(written("oomguarpages", "6144:2147483647"), "6144:unlimited");
}

TEST(Units, APairMayHaveItsBarrierOverItsLimitWhereAValidatorLooks) {
  EXPECT_EQ(format_pair(parse_pair("tcpsndbuf", Unit::bytes, "70000:60000").value()), "70000:60000");
  EXPECT_EQ(format_pair(parse_pair("avnumproc", Unit::items, "180").value()), "180:180");
  EXPECT_FALSE(parse_pair("avnumproc", Unit::items, "180K"));
}

TEST(Units, DiskSpaceIsKibibytesAndInodesAreCounted) {
  EXPECT_EQ(format_pair(parse_diskspace("2G:2.2G").value()), "2097152:2306867");
  EXPECT_EQ(format_pair(parse_diskspace("1048576:1153434").value()), "1048576:1153434");
  EXPECT_EQ(format_pair(parse_diskspace("1M").value()), "1024:1024");
  EXPECT_EQ(format_pair(parse_diskspace("1023B:2P").value()), "0:8");
  EXPECT_EQ(format_pair(parse_diskinodes("131072:144179").value()), "131072:144179");
  EXPECT_EQ(format_pair(parse_diskinodes("2K").value()), "2048:2048");
  for (const char* text : {"unlimited", "", "1:", "x", "-1"}) {
    EXPECT_FALSE(parse_diskspace(text)) << text;
    EXPECT_FALSE(parse_diskinodes(text)) << text;
  }
}

TEST(ConfigSyntax, QuotedTextRunsFromTheFirstQuoteToTheLastAndTheRestIsDropped) {
  const ConfigFile file = ConfigFile::parse(
      "A=\"one\" # no comment here\n  B=two\nC=\"a\\\"b\"\nD=\"say \"this\" twice\"\nE=\nF=\"\"\nG=\\x\\y\nVE_ROOT=\"/vz/root/$VEID\"\n");
  EXPECT_EQ(file.get("A"), "one");
  EXPECT_EQ(file.get("B"), "two");
  EXPECT_EQ(file.get("C"), "a\"b");
  EXPECT_EQ(file.get("D"), "say \"this\" twice");
  EXPECT_EQ(file.get("E"), "");
  EXPECT_EQ(file.get("F"), "");
  EXPECT_EQ(file.get("G"), "xy") << "a backslash removes itself";
  EXPECT_EQ(file.get("VE_ROOT"), "/vz/root/$VEID");
  EXPECT_EQ(file.get("a"), std::nullopt) << "keys are upper case";
  EXPECT_TRUE(file.complaints().empty());
}

TEST(ConfigSyntax, BlanksAroundTheEqualsSignAndLowerCaseKeysSayNothingAndAreTold) {
  const ConfigFile file = ConfigFile::parse("A = \"one\"\nnumproc=\"3\"\n1B=2\n");
  EXPECT_EQ(file.complaints().size(), 3U);
  EXPECT_EQ(file.get("NUMPROC"), std::nullopt);
}

TEST(ConfigSyntax, WhatIsNotOursSurvivesByteForByteThroughChanges) {
  const std::string foreign =
      "# by hand\n\n  VE_PRIVATE=\"/vz/private/$VEID\"\nFEATURES=\"nfs:on sit:off\"   # kept\nIP_ADDRESS='10.1.0.101 10.1.0.102'\n"
      "UNKNOWN=a\\ b\nnot a line\n\tNETIF=\"ifname=eth0,mac=00:11\"\n";
  ConfigFile file = ConfigFile::parse(foreign + "NUMPROC=\"240:240\"\n#NUMPROC=\"1\"\nDISKSPACE=2G:2.2G\n");
  file.set("NUMPROC", "250");
  file.set("SWAPPAGES", "0:512");
  EXPECT_EQ(file.text(), foreign + "NUMPROC=\"250\"\n#NUMPROC=\"1\"\nDISKSPACE=2G:2.2G\nSWAPPAGES=\"0:512\"\n");
}

TEST(ConfigSyntax, ARepeatedBeancounterIsChangedWhereItCounts) {
  ConfigFile file = ConfigFile::parse("NUMPROC=\"10\"\nHOSTNAME=\"a\"\nNUMPROC=\"20\"\nHOSTNAME=\"b\"\n");
  file.set("NUMPROC", "30");
  file.set("HOSTNAME", "c");
  EXPECT_EQ(file.limits(*find_resource("numproc")).value()->barrier.raw(), 30U);
  EXPECT_EQ(file.get("HOSTNAME"), "c");
  EXPECT_EQ(file.text(), "NUMPROC=\"10\"\nHOSTNAME=\"c\"\nNUMPROC=\"30\"\nHOSTNAME=\"b\"\n");
}

TEST(ConfigSyntax, KeysAreListedOnceInOrder) {
  EXPECT_THAT(ConfigFile::parse("B=1\n# C=2\nA=3\nB=4\n").keys(), testing::ElementsAre("B", "A"));
}

TEST(ConfigSyntax, AliasesAreReadAndWrittenUnderTheirName) {
  const ConfigFile file = ConfigFile::parse("DCACHE=\"5:6\"\nIPTENTRIES=\"7:8\"\n");
  EXPECT_EQ(file.limits(*find_resource("dcachesize")).value()->limit.raw(), 6U);
  EXPECT_EQ(file.limits(*find_resource("numiptent")).value()->limit.raw(), 8U);
}

}  // namespace
}  // namespace ubc::accounting

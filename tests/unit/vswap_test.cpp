// SPDX-License-Identifier: Apache-2.0
// VSwap's formulas, sample configurations, and what configuration files say of units.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "accounting/samples.h"
#include "accounting/vswap.h"

namespace ubc::accounting {
namespace {

using testing::HasSubstr;

Limits pair(std::uint64_t barrier, std::uint64_t limit) { return {Limit::at(barrier), Limit::at(limit)}; }

/// --ram 512M --swap 1G: 131072 and 262144 pages.
AllLimits half_gigabyte() {
  AllLimits said;
  said[UBC_PHYSPAGES] = pair(0, 131072);
  said[UBC_SWAPPAGES] = pair(0, 262144);
  return said;
}

TEST(Vswap, IsSaidByAFiniteLimitOfPhyspagesAlone) {
  EXPECT_TRUE(is_vswap(half_gigabyte()));
  AllLimits said;
  EXPECT_FALSE(is_vswap(said));
  said[UBC_SWAPPAGES] = pair(0, 262144);
  EXPECT_FALSE(is_vswap(said));
  said[UBC_PHYSPAGES] = pair(7, UBC_UNLIMITED);
  EXPECT_FALSE(is_vswap(said));
  said[UBC_PHYSPAGES] = pair(0, 2147483647);
  EXPECT_FALSE(is_vswap(said)) << "32-bit hosts' LONG_MAX";
  said[UBC_PHYSPAGES] = pair(0, 2147483646);
  EXPECT_TRUE(is_vswap(said));
}

TEST(Vswap, FillsWhatIsNotSaidFromRamSwapAndOvercommit) {
  const AllLimits filled = with_vswap_defaults(half_gigabyte(), 1.5);
  EXPECT_EQ(filled[UBC_LOCKEDPAGES], pair(131072, 131072));
  EXPECT_EQ(filled[UBC_OOMGUARPAGES], pair(131072, UBC_UNLIMITED));
  EXPECT_EQ(filled[UBC_VMGUARPAGES], pair(393216, UBC_UNLIMITED));
  EXPECT_EQ(filled[UBC_PRIVVMPAGES], pair(589824, 589824));
  EXPECT_EQ(filled[UBC_PHYSPAGES], pair(0, 131072));
  EXPECT_EQ(filled[UBC_SWAPPAGES], pair(0, 262144));
  for (const ubc_resource other : {UBC_KMEMSIZE, UBC_NUMPROC, UBC_SHMPAGES, UBC_NUMFILE, UBC_TCPSNDBUF})
    EXPECT_FALSE(filled[other]) << other << " stays at the kernel's default";
}

TEST(Vswap, WithoutOvercommitPrivvmpagesIsUnlimited) {
  EXPECT_EQ(with_vswap_defaults(half_gigabyte(), 0)[UBC_PRIVVMPAGES], pair(UBC_UNLIMITED, UBC_UNLIMITED));
}

TEST(Vswap, AFractionOfAPageIsCutOff) {
  AllLimits said;
  said[UBC_PHYSPAGES] = pair(0, 3);
  said[UBC_SWAPPAGES] = pair(0, 4);
  EXPECT_EQ(with_vswap_defaults(said, 1.5)[UBC_PRIVVMPAGES], pair(10, 10)) << "7 * 1.5 = 10.5";
}

TEST(Vswap, WhatIsSaidStays) {
  AllLimits said = half_gigabyte();
  said[UBC_LOCKEDPAGES] = pair(16, 17);
  said[UBC_PRIVVMPAGES] = pair(18, 19);
  said[UBC_NUMPROC] = pair(20, 21);
  const AllLimits filled = with_vswap_defaults(said, 2);
  EXPECT_EQ(filled[UBC_LOCKEDPAGES], pair(16, 17));
  EXPECT_EQ(filled[UBC_PRIVVMPAGES], pair(18, 19));
  EXPECT_EQ(filled[UBC_NUMPROC], pair(20, 21));
  EXPECT_EQ(filled[UBC_VMGUARPAGES], pair(393216, UBC_UNLIMITED));
}

TEST(Vswap, SwapThatIsUnlimitedOrNotSaidMakesTheSumsUnlimited) {
  AllLimits said = half_gigabyte();
  said[UBC_SWAPPAGES] = pair(0, UBC_UNLIMITED);
  for (int i = 0; i < 2; ++i) {
    const AllLimits filled = with_vswap_defaults(said, 2);
    EXPECT_EQ(filled[UBC_VMGUARPAGES], pair(UBC_UNLIMITED, UBC_UNLIMITED));
    EXPECT_EQ(filled[UBC_PRIVVMPAGES], pair(UBC_UNLIMITED, UBC_UNLIMITED));
    EXPECT_EQ(filled[UBC_LOCKEDPAGES], pair(131072, 131072));
    said[UBC_SWAPPAGES].reset();
  }
}

TEST(Vswap, AClassicConfigurationIsNotTouched) {
  AllLimits said;
  said[UBC_PHYSPAGES] = pair(0, UBC_UNLIMITED);
  said[UBC_NUMPROC] = pair(65, 66);
  EXPECT_EQ(with_vswap_defaults(said, 1.5), said);
}

TEST(Vswap, ACommandAppliesItsChangesAndWhatNeitherItNorTheConfigurationSays) {
  AllLimits said = half_gigabyte();
  said[UBC_LOCKEDPAGES] = pair(16, 17);   // in the file
  AllLimits changes;
  changes[UBC_PHYSPAGES] = said[UBC_PHYSPAGES];
  const AllLimits applied = limits_to_apply(changes, said, 1);
  EXPECT_EQ(applied[UBC_PHYSPAGES], pair(0, 131072));
  EXPECT_EQ(applied[UBC_PRIVVMPAGES], pair(393216, 393216));
  EXPECT_EQ(applied[UBC_OOMGUARPAGES], pair(131072, UBC_UNLIMITED));
  EXPECT_FALSE(applied[UBC_LOCKEDPAGES]) << "the file says it: the running container has it";
  EXPECT_FALSE(applied[UBC_SWAPPAGES]) << "the file says it";
  EXPECT_FALSE(applied[UBC_NUMPROC]);
}

TEST(Vswap, OvercommitIsANumberFromZeroUp) {
  EXPECT_EQ(parse_overcommit("1.5").value(), 1.5);
  EXPECT_EQ(parse_overcommit("0").value(), 0.0);
  EXPECT_EQ(parse_overcommit("3").value(), 3.0);
  for (const char* text : {"", "-1", "-0.0", "x", "1.5x", "1e3", "inf", "nan", "1,5", " 1"}) EXPECT_FALSE(parse_overcommit(text)) << text;
}

class Samples : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/ubc-samples.XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  void write(const std::string& name, const std::string& text) { std::ofstream{directory_ + "/" + name} << text; }
  std::string directory_;
};

TEST_F(Samples, TheBuiltInOnesAreOpenVzsAndSayTheirNumbers) {
  const ConfigFile basic = load_sample(directory_, "basic").value();
  EXPECT_EQ(basic.limits(*find_resource("kmemsize")).value(), pair(14372700, 14790164));
  EXPECT_EQ(basic.limits(*find_resource("vmguarpages")).value(), pair(33792, UBC_UNLIMITED));
  EXPECT_EQ(basic.get("AVNUMPROC"), "180:180");
  const ConfigFile vswap = load_sample(directory_, "vswap-256m").value();
  EXPECT_EQ(vswap.limits(*find_resource("physpages")).value(), pair(0, 65536));
  EXPECT_EQ(vswap.limits(*find_resource("swappages")).value(), pair(0, 131072));
  EXPECT_EQ(load_sample(directory_, "vswap-1024m").value().text(), load_sample(directory_, "vswap-1g").value().text());
  EXPECT_EQ(load_sample(directory_, "vps.2048MB").value().get("NUMFILE"), "74496:74496");
  EXPECT_THAT(sample_names(directory_),
              testing::IsSupersetOf({"basic", "light", "vswap-256m", "vswap-512m", "vswap-1g", "vswap-2g", "vswap-4g"}));
}

TEST_F(Samples, EveryClassicOneSaysEveryClassicBeancounterAndEveryVswapOneIsVswap) {
  for (const Sample& sample : builtin_samples()) {
    const ConfigFile config = load_sample(directory_, sample.name).value();
    AllLimits said;
    for (const ResourceInfo& info : kResources) said[info.resource] = config.limits(info).value();
    EXPECT_EQ(is_vswap(said), sample.name.starts_with("vswap-")) << sample.name;
    if (is_vswap(said)) {
      EXPECT_EQ(said[UBC_SWAPPAGES]->limit.raw(), 2 * said[UBC_PHYSPAGES]->limit.raw()) << sample.name;
    } else {
      for (const ResourceInfo& info : kResources) EXPECT_EQ(said[info.resource].has_value(), info.resource < UBC_SWAPPAGES) << info.name;
    }
  }
}

TEST_F(Samples, AFileOfTheDirectoryGoesBeforeABuiltInOneAndAddsToThem) {
  write("ve-light.conf-sample", "NUMPROC=\"41\"\n");
  write("ve-mine.conf-sample", "NUMPROC=\"42\"\n");
  write("ve-.conf-sample", "NUMPROC=\"43\"\n");
  EXPECT_EQ(load_sample(directory_, "light").value().get("NUMPROC"), "41");
  EXPECT_EQ(load_sample(directory_, "mine").value().get("NUMPROC"), "42");
  EXPECT_THAT(sample_names(directory_), testing::Contains("mine"));
  EXPECT_THAT(sample_names(directory_), testing::Not(testing::Contains("")));
}

TEST_F(Samples, AnUnknownOneListsThoseThatExistAndAPathIsNone) {
  const auto unknown = load_sample(directory_, "vswap-3g");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::not_found);
  EXPECT_THAT(unknown.error().message, HasSubstr("vswap-3g: those that exist are basic, light, vps.1024MB"));
  std::filesystem::create_directory(directory_ + "/ve-x");
  write("ve-x/y.conf-sample", "NUMPROC=\"1\"\n");
  for (const char* name : {"x/y", "../basic", "", ".", "x/../basic"}) EXPECT_FALSE(load_sample(directory_, name)) << name;
}

TEST_F(Samples, OneWithAWrongLineIsRefusedWithItsNameAndTheLine) {
  write("ve-bad.conf-sample", "NUMPROC=\"10\"\nNUMFILE=\"9:8\"\n");
  const auto bad = load_sample(directory_, "bad");
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("sample bad: line 2, NUMFILE"));
  write("ve-bad.conf-sample", "NUMPROC = \"10\"\n");
  EXPECT_THAT(load_sample(directory_, "bad").error().message, HasSubstr("sample bad, line 1"));
}

TEST(SampleKeys, WhatIsAContainersOwnIsNotTakenFromASample) {
  for (const char* key : {"VE_ROOT", "VE_PRIVATE", "OSTEMPLATE", "DIST", "HOSTNAME", "DESCRIPTION", "IP_ADDRESS", "NETIF"})
    EXPECT_TRUE(is_own_key(key)) << key;
  for (const char* key : {"NUMPROC", "CPUUNITS", "ORIGIN_SAMPLE", "HOSTNAMES", ""}) EXPECT_FALSE(is_own_key(key)) << key;
}

}  // namespace
}  // namespace ubc::accounting

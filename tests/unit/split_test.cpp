// SPDX-License-Identifier: Apache-2.0
// vzsplit's arithmetic against its own results on a host of 2 GiB RAM and 4 GiB swap.
#include "accounting/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accounting/consistency.h"

namespace ubc::accounting {
namespace {

constexpr SplitHost kHost{{2ULL << 30, 4ULL << 30, 2ULL << 30}, 32000};

TEST(SplitOf, TenContainersAreRoomy) {
  const Split split = split_host(kHost, 10).value();
  EXPECT_EQ(split.level, 0);
  EXPECT_EQ(
      split_text(split, false),
      "# Primary parameters\nNUMPROC=\"1048:1048\"\nAVNUMPROC=\"524:524\"\nNUMTCPSOCK=\"1048:1048\"\nNUMOTHERSOCK=\"1048:1048\"\n"
      "VMGUARPAGES=\"135034:unlimited\"\n\n"
      "# Secondary parameters\nKMEMSIZE=\"42949672:47244639\"\nTCPSNDBUF=\"10023949:14316557\"\nTCPRCVBUF=\"10023949:14316557\"\n"
      "OTHERSOCKBUF=\"5011974:9304582\"\nDGRAMRCVBUF=\"5011974:5011974\"\nOOMGUARPAGES=\"135034:unlimited\"\n"
      "PRIVVMPAGES=\"135034:148537\"\n\n"
      "# Auxiliary parameters\nLOCKEDPAGES=\"2097:2097\"\nSHMPAGES=\"13503:13503\"\nPHYSPAGES=\"0:unlimited\"\nNUMFILE=\"16768:16768\"\n"
      "NUMFLOCK=\"1000:1100\"\nNUMPTY=\"104:104\"\nNUMSIGINFO=\"1024:1024\"\nDCACHESIZE=\"9377056:9658368\"\nNUMIPTENT=\"200:200\"\n"
      "CPUUNITS=\"1000\"\n");
  EXPECT_THAT(split_text(split, true), testing::StartsWith("PHYSPAGES=\"0:135034\"\nSWAPPAGES=\"0:270068\"\n\n# Primary"));
}

struct Numbers {
  std::uint64_t containers;
  int level;
  std::uint64_t average;
  const char *numproc, *guarantee, *kmemsize, *tcp, *other, *dgram, *privvm, *locked, *shm, *file, *lock, *pty, *siginfo, *dcache, *ipt;
};

TEST(SplitOf, MoreContainersAreTighter) {
  const Numbers cases[] = {
      {100, 1, 78, "156", "13084:unlimited", "5153960:5669356", "1244371:1717987", "622185:1095801", "622185", "13084:14392", "75", "1308",
       "2496", "249:273", "15", "512", "1116656:1150156", "20"},
      {300, 1, 26, "52", "4361:unlimited", "1717986:1889784", "414790:572662", "207395:365267", "207395", "4361:4797", "25", "436", "832",
       "83:91", "5", "512", "372218:383385", "6"},
  };
  for (const Numbers& each : cases) {
    const Split split = split_host(kHost, each.containers).value();
    EXPECT_EQ(split.level, each.level);
    EXPECT_EQ(split.avnumproc, each.average);
    const auto says = [&](ubc_resource resource, const char* text) {
      EXPECT_EQ(format_limits(*split.limits[resource]), text) << each.containers << " " << info_of(resource)->name;
    };
    for (const ubc_resource resource : {UBC_NUMPROC, UBC_NUMTCPSOCK, UBC_NUMOTHERSOCK}) says(resource, each.numproc);
    for (const ubc_resource resource : {UBC_VMGUARPAGES, UBC_OOMGUARPAGES}) says(resource, each.guarantee);
    for (const ubc_resource resource : {UBC_TCPSNDBUF, UBC_TCPRCVBUF}) says(resource, each.tcp);
    says(UBC_KMEMSIZE, each.kmemsize);
    says(UBC_OTHERSOCKBUF, each.other);
    says(UBC_DGRAMRCVBUF, each.dgram);
    says(UBC_PRIVVMPAGES, each.privvm);
    says(UBC_LOCKEDPAGES, each.locked);
    says(UBC_SHMPAGES, each.shm);
    says(UBC_NUMFILE, each.file);
    says(UBC_NUMFLOCK, each.lock);
    says(UBC_NUMPTY, each.pty);
    says(UBC_NUMSIGINFO, each.siginfo);
    says(UBC_DCACHESIZE, each.dcache);
    says(UBC_NUMIPTENT, each.ipt);
  }
}

TEST(SplitOf, AtTheTightestLevelProcessesAreHalvedUntilTheyFit) {
  // 1717986 bytes of low memory; 30 processes, so gaps of 76800, buffers of 350208 and 15 * 53248 of processes: 569058 are left over.
  const Split split = split_host(kHost, 1000).value();
  EXPECT_EQ(split.level, 3);
  EXPECT_EQ(split.avnumproc, 15U);
  EXPECT_EQ(format_limits(*split.limits[UBC_NUMPROC]), "30");
  EXPECT_EQ(format_limits(*split.limits[UBC_TCPSNDBUF]), "65536:142336");
  EXPECT_EQ(format_limits(*split.limits[UBC_TCPRCVBUF]), "65536:142336");
  EXPECT_EQ(format_limits(*split.limits[UBC_OTHERSOCKBUF]), "32768:109568");
  EXPECT_EQ(format_limits(*split.limits[UBC_DGRAMRCVBUF]), "32768");
  EXPECT_EQ(split.limits[UBC_KMEMSIZE]->barrier.raw(), 1717986U - 350208 + 569058 - 76800);
}

TEST(SplitOf, TheGreatestNumberFitsAndOneMoreDoesNot) {
  const std::uint64_t most = most_containers(kHost);
  EXPECT_TRUE(split_host(kHost, most));
  EXPECT_FALSE(split_host(kHost, most + 1));
  EXPECT_FALSE(split_host(kHost, 0));
  EXPECT_EQ(most_containers({{40 << 20, 0, 40 << 20}, 32000}), 0U) << "less than the system keeps";
}

TEST(SplitOf, EverySplitPassesTheValidatorsErrors) {
  for (const std::uint64_t containers : {1, 10, 50, 100, 300, 500, 900, 1000}) {
    Parameters parameters = parameters_in(ConfigFile::parse(split_text(split_host(kHost, containers).value(), false)));
    (void)check_classic(parameters, [&](const Finding& finding) {
      EXPECT_NE(finding.grade, Grade::error) << containers << ": " << finding.message;
      return false;
    });
  }
}

}  // namespace
}  // namespace ubc::accounting

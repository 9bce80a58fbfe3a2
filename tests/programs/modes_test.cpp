// SPDX-License-Identifier: Apache-2.0
// The modes of OpenVZ as ubctl shows them: VSwap live and saved, samples, --setmode, validate, commitment.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kConfig = "/etc/ubc/conf/101.conf";
const std::string kUnlimited = "9223372036854775807";

class Modes : public Guest {};

std::string knob(const std::string& file) { return text_of("/sys/fs/cgroup/ubc/101/" + file); }
std::string numbers(const std::string& resource) { return field("101", resource + ".b") + ":" + field("101", resource + ".l"); }

TEST_F(Modes, RamAndSwapReachTheKernelLiveAndTheRestFollows) {
  create("--numproc 50");
  start();
  EXPECT_EQ(knob("memory.max"), "max\n");
  EXPECT_EQ(field("101", "vswap"), "no");
  EXPECT_THAT(ubctl("show 101").output, Not(HasSubstr("VSwap")));
  const std::string before = text_of(kConfig);
  const Ran set = ubctl("set 101 --ram 96M --swap 160M --vm_overcommit 1.5");
  EXPECT_EQ(set.status, 0) << set.output;
  EXPECT_THAT(set.output, HasSubstr("UB limits were set successfully\n"));
  EXPECT_THAT(set.output, HasSubstr("will be lost after CT restart"));
  EXPECT_EQ(knob("memory.max"), "100663296\n");
  EXPECT_EQ(knob("memory.swap.max"), "167772160\n");
  EXPECT_EQ(knob("memory.high"), "max\n");
  EXPECT_EQ(numbers("physpages"), "0:24576");
  EXPECT_EQ(numbers("swappages"), "0:40960");
  EXPECT_EQ(numbers("privvmpages"), "98304:98304") << "(24576 + 40960) * 1.5";
  EXPECT_EQ(numbers("lockedpages"), "24576:24576");
  EXPECT_EQ(numbers("oomguarpages"), "24576:" + kUnlimited);
  EXPECT_EQ(numbers("vmguarpages"), "65536:" + kUnlimited);
  EXPECT_EQ(numbers("numproc"), "50:50") << "what is said stays";
  EXPECT_EQ(field("101", "vswap"), "yes");
  EXPECT_THAT(ubctl("show 101").output, HasSubstr("container 101, running, VSwap\n"));
  EXPECT_EQ(text_of(kConfig), before) << "not saved without --save";
}

TEST_F(Modes, PrivvmpagesOfVswapRefusesAboveItsFormula) {
  create("--ram 128M --swap 128M --vm_overcommit 0.25");   // 65536 pages * 0.25: 64 MiB
  start();
  EXPECT_EQ(numbers("privvmpages"), "16384:16384");
  const auto takes = [](const char* bytes) {
    return ubctl("exec2 101 'dd if=/dev/zero of=/dev/null count=1 bs=" + std::string{bytes} + "'").status == 0;
  };
  EXPECT_TRUE(takes("48M"));
  EXPECT_FALSE(takes("64M")) << "the shell and dd need some pages too";
  EXPECT_NE(field("101", "privvmpages.f"), "0");
  EXPECT_EQ(ubctl("set 101 --vm_overcommit 0.5").status, 0);
  EXPECT_EQ(numbers("privvmpages"), "32768:32768") << "--vm_overcommit alone counts the formula again";
  EXPECT_TRUE(takes("64M"));
}

TEST_F(Modes, WhatVswapFillsInIsAppliedNeverSavedAndThereAfterARestart) {
  create();
  start();
  EXPECT_EQ(ubctl("set 101 --ram 96M --swap 160M --save").status, 0);
  const std::string config = text_of(kConfig);
  EXPECT_THAT(config, HasSubstr("PHYSPAGES=\"0:24576\"\nSWAPPAGES=\"0:40960\"\n"));
  for (const char* key : {"LOCKEDPAGES", "OOMGUARPAGES", "VMGUARPAGES", "PRIVVMPAGES"}) EXPECT_THAT(config, Not(HasSubstr(key)));
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  EXPECT_EQ(numbers("vmguarpages"), "65536:" + kUnlimited) << "what a start will set";
  EXPECT_EQ(ubctl("set 101 --lockedpages 7 --save").status, 0);
  start();
  EXPECT_EQ(knob("memory.max"), "100663296\n");
  EXPECT_EQ(numbers("lockedpages"), "7:7");
  EXPECT_EQ(numbers("privvmpages"), kUnlimited + ":" + kUnlimited) << "no VM_OVERCOMMIT";
}

TEST_F(Modes, RamWithoutSwapIsRefusedAndChangesNothing) {
  EXPECT_EQ(ubctl("create 101 --ostemplate busybox --ram 96M").status, 28);
  EXPECT_NE(shell("test -e /var/lib/ubc/private/101").status, 0);
  create();
  start();
  const std::string before = text_of(kConfig);
  for (const char* save : {"", " --save"}) {
    const Ran set = ubctl(std::string{"set 101 --ram 96M"} + save);
    EXPECT_EQ(set.status, 28);
    EXPECT_THAT(set.output, HasSubstr("Error: required UB parameter (swap) not set"));
  }
  EXPECT_EQ(knob("memory.max"), "max\n");
  EXPECT_EQ(text_of(kConfig), before);
  EXPECT_EQ(ubctl("set 101 --swap 160M --save").status, 0);
  EXPECT_EQ(ubctl("set 101 --ram 96M").status, 0) << "the file says swap";
}

TEST_F(Modes, ASampleIsAppliedOverTheOptionsAndLeavesWhatIsTheContainersOwn) {
  create("--hostname mine --numproc 9");
  {
    std::ofstream{"/etc/ubc/conf/ve-own.conf-sample"} << "NUMPROC=\"44\"\nHOSTNAME=\"theirs\"\nCPUUNITS=\"700\"\nDISKSPACE=\"2G:2.2G\"\n";
  }
  start();
  EXPECT_EQ(ubctl("set 101 --applyconfig own --numproc 30 --numfile 300").status, 0);
  EXPECT_EQ(numbers("numproc"), "44:44") << "the sample wins";
  EXPECT_EQ(numbers("numfile"), "300:300");
  EXPECT_THAT(text_of(kConfig), Not(HasSubstr("CPUUNITS")));
  EXPECT_EQ(ubctl("set 101 --applyconfig own --save").status, 0);
  const std::string config = text_of(kConfig);
  for (const char* line : {"NUMPROC=\"44\"\n", "HOSTNAME=\"mine\"\n", "CPUUNITS=\"700\"\n", "DISKSPACE=\"2097152:2306867\"\n",
                           "ORIGIN_SAMPLE=\"own\"\n", "OSTEMPLATE=\"busybox\"\n"})
    EXPECT_THAT(config, HasSubstr(line));
  EXPECT_EQ(ubctl("set 101 --applyconfig vswap-256m").status, 0);
  EXPECT_EQ(knob("memory.max"), "268435456\n");
  EXPECT_EQ(knob("memory.swap.max"), "536870912\n");
  const Ran unknown = ubctl("set 101 --applyconfig vswap-3g --save");
  EXPECT_EQ(unknown.status, 109);
  EXPECT_THAT(unknown.output, HasSubstr("basic, light, own, vps.1024MB"));
  EXPECT_EQ(text_of(kConfig), config);
  (void)shell("rm /etc/ubc/conf/ve-own.conf-sample");
}

TEST_F(Modes, CreateStartsFromASampleOrFromTheHostsAndNeverReplacesAFile) {
  create("--config light --numproc 41");
  EXPECT_THAT(text_of(kConfig), HasSubstr("NUMPROC=\"41\"\n"));
  EXPECT_THAT(text_of(kConfig), HasSubstr("KMEMSIZE=\"1740800:1847296\"\n"));
  EXPECT_THAT(text_of(kConfig), HasSubstr("ORIGIN_SAMPLE=\"light\"\n"));
  EXPECT_EQ(ubctl("validate 101").output, "Validation completed: success\n");
  EXPECT_EQ(ubctl("destroy 101").status, 0);
  EXPECT_EQ(ubctl("create 101 --ostemplate busybox --config nothing").status, 82);
  EXPECT_NE(shell("test -e /var/lib/ubc/private/101").status, 0);
  {
    std::ofstream{"/etc/ubc/ubc.conf"} << "CONFIGFILE=\"vswap-256m\"\n";
  }
  create();
  EXPECT_EQ(numbers("physpages"), "0:65536");
  EXPECT_EQ(ubctl("destroy 101").status, 0);
  {
    std::ofstream{kConfig} << "NUMPROC=\"12\"\n";
  }
  EXPECT_EQ(ubctl("create 101 --ostemplate busybox --config basic").status, 82);
  const Ran kept = ubctl("create 101 --ostemplate busybox");
  EXPECT_EQ(kept.status, 0);
  EXPECT_THAT(kept.output, HasSubstr("CONFIGFILE is ignored"));
  EXPECT_THAT(text_of(kConfig), HasSubstr("NUMPROC=\"12\"\n"));
  (void)shell("rm /etc/ubc/ubc.conf");
}

TEST_F(Modes, WhatARunningGuestCannotTakeUpIsToldIgnoredOrRestarted) {
  create("--init '/bin/sleep 9991'");
  start();
  const auto init = [] { return ubctl("exec 101 tail -c 2 /proc/1/cmdline").output; };   // its last argument
  const Ran told = ubctl("set 101 --init '/bin/sleep 9992' --save");
  EXPECT_EQ(told.status, 0);
  EXPECT_THAT(told.output, HasSubstr("INIT is taken up when the container is started"));
  EXPECT_EQ(init(), std::string("1\0", 2));
  const std::string config = text_of(kConfig);
  const Ran ignored = ubctl("set 101 --init '/bin/sleep 9993' --numproc 33 --setmode ignore --save");
  EXPECT_EQ(ignored.status, 32);
  EXPECT_EQ(text_of(kConfig), config);
  EXPECT_EQ(field("101", "numproc.b"), kUnlimited) << "nothing was applied";
  EXPECT_EQ(ubctl("set 101 --init '/bin/sleep 9994' --setmode restart").status, 21) << "without --save";
  EXPECT_EQ(ubctl("set 101 --init '/bin/sleep 9994' --numproc 34 --setmode restart --save").status, 0);
  EXPECT_EQ(init(), std::string("4\0", 2));
  EXPECT_EQ(numbers("numproc"), "34:34");
}

TEST_F(Modes, ResetUbBringsTheConfigurationsNumbersBack) {
  create("--numproc 40:50 --numfile 600");
  EXPECT_EQ(ubctl("set 101 --reset_ub").status, 31);
  start();
  EXPECT_EQ(ubctl("set 101 --numproc 10 --numfile 700").status, 0);
  EXPECT_EQ(ubctl("set 101 --reset_ub --numproc 3").status, 20);
  EXPECT_EQ(numbers("numproc"), "10:10");
  EXPECT_EQ(ubctl("set 101 --reset_ub").status, 0);
  EXPECT_EQ(numbers("numproc"), "40:50");
  EXPECT_EQ(numbers("numfile"), "600:600");
}

TEST_F(Modes, ValidateSaysRepairsAndAsksAsVzcfgvalidateDid) {
  create("--config basic");
  {
    std::ofstream{kConfig, std::ios::app} << "TCPSNDBUF=\"70000:60000\"\n# kept\nNUMPTY=\"17\"\nDGRAMRCVBUF=\"40000\"\n";
  }
  const std::string config = text_of(kConfig);
  const std::string both =
      "Error: barrier should be <= limit for tcpsndbuf (currently, 70000:60000)\n"
      "Recommendation: dgramrcvbuf.bar should be > 132096 (currently, 40000)\n";
  const Ran said = ubctl("validate 101");
  EXPECT_EQ(said.status, 2);
  EXPECT_EQ(said.output, both);
  EXPECT_EQ(shell("printf 'n\\n' | " UBCTL " validate -i 101").status, 2);
  EXPECT_EQ(text_of(kConfig), config) << "one no, and nothing is written";
  const Ran asked = shell("(printf 'what\\ny\\n' | " UBCTL " validate -i 101 2>/dev/null)");
  EXPECT_EQ(asked.status, 2) << "the input ended before the last question";
  EXPECT_THAT(asked.output, HasSubstr("set to 70000:70000\nset to 70000:991600\n"));
  EXPECT_EQ(text_of(kConfig), config);
  const Ran repaired = shell("(" UBCTL " validate -r 101 2>/dev/null)");
  EXPECT_EQ(repaired.status, 0);
  EXPECT_EQ(repaired.output,
            "set to 70000:70000\nset to 70000:991600\nset to 132096:132096\nCT configuration saved to /etc/ubc/conf/101.conf\n");
  EXPECT_THAT(text_of(kConfig), HasSubstr("TCPSNDBUF=\"70000:991600\"\n# kept\nNUMPTY=\"17\"\nDGRAMRCVBUF=\"132096\"\n"));
  EXPECT_EQ(ubctl("validate 101").output, "Validation completed: success\n");
  EXPECT_EQ(ubctl("validate ./nothing").status, 1);
  EXPECT_EQ(ubctl("validate 999").status, 1);
  EXPECT_EQ(ubctl("validate -v yes 101").status, 2) << "no swappages";
  EXPECT_EQ(ubctl("validate -v maybe 101").status, 21);
}

TEST_F(Modes, CommitmentSumsWhatRunsAndTellsOneContainersShare) {
  create("--config vps.basic");
  EXPECT_THAT(ubctl("commitment -A").output, HasSubstr("\n   0.00    0.00    0.00    0.00    0.00    0.00    0.00    0.00\n"));
  EXPECT_THAT(ubctl("commitment 101").output, testing::MatchesRegex("Resource     Current.*\nMemory            n/a .*\n"));
  start();
  const std::string table = ubctl("commitment -v -A").output;
  EXPECT_THAT(table, HasSubstr("Output values in Mbytes\nCTID        LowMem  LowMem     RAM MemSwap MemSwap   Alloc   Alloc   Alloc\n"));
  EXPECT_THAT(table, testing::ContainsRegex("\n101 +[0-9.]+    4.25 +[0-9.]+ +[0-9.]+   28.25 +[0-9.]+   28.25  213.52\n"));
  EXPECT_THAT(ubctl("commitment 101 -v").output, HasSubstr("Num. Proc"));
  EXPECT_THAT(ubctl("commitment --json").output, HasSubstr("\"ctid\": 101"));
  EXPECT_EQ(ubctl("commitment 999").status, 14);
}

}  // namespace
}  // namespace ubc::test

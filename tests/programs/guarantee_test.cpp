// SPDX-License-Identifier: Apache-2.0
// vmguarpages and oomguarpages of real guests: what the host reclaims, and whom its OOM killer chooses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;

/// Containers 101 and 102, side by side.
class Guarantee : public Guest {
 protected:
  void TearDown() override {
    (void)ubctl("stop 102 --fast");
    (void)ubctl("destroy 102");
    Guest::TearDown();
    EXPECT_EQ(text_of("/sys/fs/cgroup/ubc/memory.low"), "0\n") << "a guarantee outlived its container";
  }
  static void create_both(const std::string& first, const std::string& second) {
    create(first);
    ASSERT_EQ(ubctl("create 102 --ostemplate busybox " + second).status, 0);
  }
  static void start_both() {
    start();
    const Ran started = ubctl("start 102");
    ASSERT_EQ(started.status, 0) << started.output;
  }
};

std::string knob(int id, const std::string& file) { return text_of("/sys/fs/cgroup/ubc/" + std::to_string(id) + "/" + file); }
std::uint64_t number(const std::string& text) { return std::strtoull(text.c_str(), nullptr, 10); }
std::uint64_t stat_of(int id, const std::string& key) {
  return number(shell("sed -n 's/^" + key + " //p' /sys/fs/cgroup/ubc/" + std::to_string(id) + "/memory.stat").output);
}

/// The container reads a file of its own of `mib` MiB: so much of the host's cache is its.
void fill_cache(int id, int mib) {
  const std::string container = std::to_string(id);
  ASSERT_EQ(ubctl("exec2 " + container + " 'dd if=/dev/zero of=/big bs=1M count=" + std::to_string(mib) + " && sync'").status, 0);
  ASSERT_EQ(ubctl("exec2 " + container + " 'cat /big >/dev/null'").status, 0);
  ASSERT_GE(stat_of(id, "file"), static_cast<std::uint64_t>(mib - 1) << 20);
}

TEST_F(Guarantee, WhatIsGuaranteedStaysWhereTheHostReclaimsFromAll) {
  create_both("--vmguarpages 128M:unlimited", "");
  start_both();
  EXPECT_EQ(knob(101, "memory.low"), "134217728\n");
  EXPECT_EQ(text_of("/sys/fs/cgroup/ubc/memory.low"), "134217728\n");
  fill_cache(101, 40);
  fill_cache(102, 40);
  const std::uint64_t before = stat_of(101, "file"), others = stat_of(102, "file");
  ASSERT_LT(number(knob(101, "memory.current")), std::uint64_t{128} << 20) << "all that it has is guaranteed";
  EXPECT_EQ(shell("echo 30M >/sys/fs/cgroup/ubc/memory.reclaim").status, 0);
  EXPECT_GE(stat_of(101, "file"), before - (1 << 20));
  EXPECT_LE(stat_of(102, "file"), others - (std::uint64_t{20} << 20));
  EXPECT_EQ(field("101", "vmguarpages"), "0") << "nothing is held of a guarantee";
  EXPECT_EQ(field("101", "vmguarpages.f"), "0");
}

TEST_F(Guarantee, IsSetLiveAndSummedOverContainers) {
  create_both("--vmguarpages 2M:unlimited", "--vmguarpages 3M:unlimited");
  start_both();
  EXPECT_EQ(text_of("/sys/fs/cgroup/ubc/memory.low"), "5242880\n");
  EXPECT_EQ(ubctl("set 101 --vmguarpages 8M:unlimited").status, 0);
  EXPECT_EQ(knob(101, "memory.low"), "8388608\n");
  EXPECT_EQ(text_of("/sys/fs/cgroup/ubc/memory.low"), "11534336\n");
  EXPECT_EQ(ubctl("stop 102 --fast").status, 0);
  EXPECT_EQ(text_of("/sys/fs/cgroup/ubc/memory.low"), "8388608\n");
  EXPECT_EQ(ubctl("set 101 --vmguarpages unlimited").status, 0);
  EXPECT_EQ(knob(101, "memory.low"), "0\n");
}

TEST_F(Guarantee, WhoIsKilledBetweenAGuaranteeAndItsSumIsMendedByTheNext) {
  create_both("--vmguarpages 2M:unlimited", "--vmguarpages 3M:unlimited");
  EXPECT_EQ(shell("UBC_FAULT=guarantee:written " UBCTL " start 102").status, 128 + SIGKILL);
  start();
  EXPECT_EQ(text_of("/sys/fs/cgroup/ubc/memory.low"), "5242880\n") << "102's is still there, and now in the sum";
  EXPECT_EQ(ubctl("start 102").status, 0);
  EXPECT_EQ(text_of("/sys/fs/cgroup/ubc/memory.low"), "5242880\n");
  EXPECT_NE(shell("UBC_FAULT=guarantee:written " UBCTL " set 102 --vmguarpages 4M:unlimited").status, 0);
  EXPECT_EQ(ubctl("set 102 --vmguarpages 4M:unlimited").status, 0);
  EXPECT_EQ(text_of("/sys/fs/cgroup/ubc/memory.low"), "6291456\n") << "the same number again, and its sum is right";
}

int adj_of_init(int id) { return std::atoi(ubctl("exec2 " + std::to_string(id) + " 'cat /proc/1/oom_score_adj'").output.c_str()); }

TEST_F(Guarantee, EveryProcessOfTheContainerHasItsOomGuaranteeAndNoneCanTakeMore) {
  create_both("--oomguarpages 512M:unlimited", "");
  start_both();
  const int adj = adj_of_init(101);
  EXPECT_LE(adj, -64) << "of 8 GiB at most";
  EXPECT_GE(adj, -600);
  EXPECT_EQ(adj_of_init(102), 0);
  // The caller's shell may be protected; what it runs inside is the guest's all the same.
  const Ran inside = shell("echo -1000 >/proc/self/oom_score_adj; exec " UBCTL " exec2 101 'cat /proc/self/oom_score_adj'");
  EXPECT_EQ(std::atoi(inside.output.c_str()), adj);
  EXPECT_NE(ubctl("exec2 101 'echo -999 >/proc/self/oom_score_adj'").status, 0);
  EXPECT_EQ(ubctl("exec2 101 'echo 500 >/proc/self/oom_score_adj'").status, 0);
  EXPECT_EQ(ubctl("set 101 --oomguarpages 0:unlimited").status, 0);
  EXPECT_EQ(adj_of_init(101), 0);
  EXPECT_EQ(ubctl("set 102 --oomguarpages 512M:unlimited").status, 0);
  EXPECT_EQ(adj_of_init(102), adj);
}

TEST_F(Guarantee, AKillIsCountedAndTheOtherContainerIsLeftAlone) {
  create_both("--ram 24M --swap 0", "");
  start_both();
  EXPECT_EQ(field("101", "oomguarpages.f"), "0");
  EXPECT_EQ(ubctl("exec2 101 'dd if=/dev/zero of=/dev/null bs=8M count=1'").status, 0);
  EXPECT_EQ(field("101", "oomguarpages.f"), "0");
  EXPECT_NE(ubctl("exec2 101 'dd if=/dev/zero of=/dev/null bs=64M count=1'").status, 0);
  EXPECT_EQ(field("101", "oomguarpages.f"),
            std::to_string(number(shell("sed -n 's/^oom_kill //p' /sys/fs/cgroup/ubc/101/memory.events").output)));
  EXPECT_NE(field("101", "oomguarpages.f"), "0");
  EXPECT_EQ(field("102", "oomguarpages.f"), "0");
  EXPECT_GE(number(field("101", "oomguarpages.m")), number(field("101", "oomguarpages")));
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  EXPECT_THAT(ubctl("show --last 101").output, HasSubstr("oomguarpages"));
}

TEST_F(Guarantee, EachProcessLocksNoMoreThanTheBarrierOfLockedpages) {
  create_both("--lockedpages 40:40", "");
  put_probe();
  start_both();
  const auto bytes = [] { return ubctl("exec2 101 'grep \"Max locked memory\" /proc/1/limits'").output; };
  EXPECT_THAT(bytes(), HasSubstr("163840               163840"));
  EXPECT_THAT(ubctl("exec2 101 'grep \"Max locked memory\" /proc/self/limits'").output, HasSubstr("163840               163840"));
  EXPECT_EQ(ubctl("exec2 101 '/probe lock 40'").output, "ok\n");
  EXPECT_EQ(field("101", "lockedpages.f"), "0");
  EXPECT_EQ(field("101", "lockedpages.m"), "40");
  EXPECT_EQ(ubctl("exec2 101 '/probe lock 41'").output, "ENOMEM\n");
  EXPECT_EQ(field("101", "lockedpages.f"), "1");
  EXPECT_EQ(field("101", "lockedpages"), "0");
  EXPECT_EQ(ubctl("set 101 --lockedpages 50:50").status, 0);
  EXPECT_THAT(bytes(), HasSubstr("204800               204800"));
  EXPECT_EQ(ubctl("exec2 101 '/probe lock 50'").output, "ok\n");
  EXPECT_EQ(field("102", "lockedpages.f"), "0");
}

}  // namespace
}  // namespace ubc::test

// SPDX-License-Identifier: Apache-2.0
// What a hostile root of a guest tries, by the class of weakness that each wall guards against (and of which runtimes had one). More of
// them: docs/isolation.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;

struct Wall {
  const char* weakness;
  const char* command;    ///< of the guest's root, in a shell
  const char* expected;   ///< what it prints; "fails": it does
};

constexpr Wall kWalls[] = {
    {"descriptors left open (CVE-2024-21626)", "ls /proc/self/fd | wc -w", "4"},   // 0, 1, 2 and ls's own
    {"a working directory outside (CVE-2024-21626)", "readlink /proc/self/cwd", "/"},
    {"cgroup v1's release_agent (CVE-2022-0492)", "mount -t cgroup -o rdma c /mnt", "fails"},
    {"cgroup v1's release_agent (CVE-2022-0492)", "find /sys/fs/cgroup -name release_agent | wc -l", "0"},
    {"the host's cgroups writable (CVE-2023-25809)",
     "cd /sys/fs/cgroup; for f in pids.max memory.max cgroup.freeze; do echo 0 2>/dev/null > $f && echo wrote $f; done; true", ""},
    {"inheritable capabilities (CVE-2022-29162)", "grep -c -E '^Cap(Inh|Amb):.0000000000000000$' /proc/self/status", "2"},
    {"exec with more capabilities than init", "[ \"$(grep CapBnd /proc/1/status)\" = \"$(grep CapBnd /proc/self/status)\" ] && echo same",
     "same"},
    {"several extents in the id map (CVE-2018-18955)", "awk '{print NR, $1, $2 % 65536, $3}' /proc/self/uid_map", "1 0 0 65536"},
    {"sysctls of the host",
     "cd /proc/sys/kernel; for f in core_pattern modprobe sysrq panic; do echo 1 2>/dev/null > $f && echo wrote $f; done; true", ""},
    {"a mask taken off", "umount /proc/kcore", "fails"},
    {"a mask taken off", "umount -l /proc", "fails"},
    {"a read-only mount made writable", "mount -o remount,bind,rw /sys", "fails"},
    {"devices allowed on the root", "mount -o remount,bind,dev /", "fails"},
    {"a new procfs without the masks", "mount -t proc p /mnt", "fails"},
    {"a new sysfs", "mount -t sysfs s /mnt", "fails"},
    {"devices", "mknod /disk b 8 0", "fails"},
    {"devices", "find /dev -type b -o -type c | sort",
     "/dev/console\n/dev/full\n/dev/null\n/dev/pts/ptmx\n/dev/random\n/dev/tty\n/dev/urandom\n/dev/zero"},
    {"the host's kernel log", "dmesg", "fails"},
    {"the host's kernel log", "cat /proc/kmsg | wc -c", "0"},
    {"protection from the OOM killer", "echo -1000 > /proc/self/oom_score_adj", "fails"},
    {"protection from the OOM killer", "cat /proc/1/oom_score_adj", "0"},
    {"file systems of the host's disks (CVE-2022-0185)",
     "for t in ext4 xfs btrfs vfat 9p nfs; do mount -t $t none /mnt 2>/dev/null && echo $t; done; true", ""},
    {"keys of the host's session", "cat /proc/keys | wc -c", "0"},
    {"the starter's environment", "cat /proc/1/environ /proc/self/environ | tr '\\0' '\\n' | grep UBC_SECRET; true", ""},
    {"the host's paths in mountinfo", "grep -e /var/lib -e private /proc/self/mountinfo; true", ""},
    {"the host's processes", "grep -l -e ubc -e kthreadd /proc/[0-9]*/comm; true", ""},
    {"a setuid program of the guest's for the host's users", "cp /bin/busybox /suid && chmod 4755 /suid && echo made", "made"},
};

/// What each prints, in one run of a shell.
std::vector<std::string> answers(const std::string& guest) {
  {
    std::ofstream script{"/tmp/walls.sh"};
    for (const Wall& wall : kWalls) script << "( " << wall.command << " ) 2>/dev/null || echo fails\necho ==\n";
  }
  EXPECT_EQ(ubctl("cp /tmp/walls.sh " + guest + ":/walls.sh").status, 0);
  std::istringstream output{ubctl("exec2 " + guest + " ash /walls.sh").output};
  std::vector<std::string> all(1);
  for (std::string line; std::getline(output, line);) {
    if (line == "==")
      all.emplace_back();
    else
      all.back() += all.back().empty() ? line : "\n" + line;
  }
  return all;
}

class Walls : public Guest {
 protected:
  static std::string digest(const std::string& path) { return shell("sha256sum < " + path).output; }
};

TEST_F(Walls, HoldAgainstTheRootOfAGuest) {
  create();
  ASSERT_EQ(shell("echo -1000 >/proc/self/oom_score_adj; UBC_SECRET=1 " UBCTL " start 101").status, 0);
  const auto seen = answers("101");
  ASSERT_GE(seen.size(), std::size(kWalls));
  for (std::size_t i = 0; i < std::size(kWalls); ++i) {
    EXPECT_EQ(seen[i], kWalls[i].expected) << kWalls[i].weakness << ": " << kWalls[i].command;
  }
  EXPECT_EQ(shell("UBC_SECRET=1 " UBCTL " exec2 101 env | grep -c UBC_SECRET").output, "0\n") << "exec's environment";
  const std::string owner = shell("stat -c %u /var/lib/ubc/private/101/upper/suid").output;
  EXPECT_GE(std::stoul(owner), 0x10000000UL) << "a setuid program of the guest's belongs to a user of the host";
  EXPECT_EQ(shell("stat -c %a /var/lib/ubc/private/101").output, "700\n") << "the host's users reach it";
  const std::string hosts = text_of("/proc/sys/kernel/core_pattern");
  EXPECT_NE(hosts, "1\n");
}

TEST_F(Walls, AGuestsShellThatIsTheRuntimeItselfCannotChangeIt) {   // CVE-2019-5736
  const std::string before = digest(UBCTL);
  create();
  start();
  ASSERT_EQ(ubctl("exec2 101 'cp /bin/busybox /bin/real; printf \"#!/proc/self/exe\\n\" > /evil; chmod 755 /evil'").status, 0);
  (void)ubctl("exec2 101 'while :; do for exe in /proc/[0-9]*/exe; do echo x > $exe; done; done' >/dev/null 2>&1 &");
  ASSERT_EQ(ubctl("exec2 101 'rm /bin/sh; cp /evil /bin/sh'").status, 0);
  for (int tries = 0; tries < 20; ++tries) EXPECT_NE(ubctl("exec2 101 true").status, 0);
  EXPECT_EQ(digest(UBCTL), before);
}

TEST_F(Walls, WhatOneGuestWritesToASharedTemplateIsItsOwn) {
  create();
  start();
  const std::string before = ubctl("exec2 101 sha256sum /etc/passwd").output;
  ASSERT_EQ(ubctl("create 102 --ostemplate busybox").status, 0);
  ASSERT_EQ(ubctl("start 102").status, 0);
  EXPECT_EQ(ubctl("exec2 102 'echo evil >> /etc/passwd; rm /bin/ls; chmod 777 /etc'").status, 0);
  EXPECT_EQ(ubctl("exec2 101 sha256sum /etc/passwd").output, before);
  EXPECT_EQ(ubctl("exec2 101 ls -d /etc").output, "/etc\n");
  EXPECT_EQ(ubctl("template verify busybox").status, 0);
  const std::string init = shell("sed -n 's/^INIT_PID=\"\\(.*\\)\"/\\1/p' /run/ubc/102.run | tr -d '\\n'").output;
  ASSERT_NE(init, "");
  EXPECT_NE(ubctl("exec2 101 'kill -0 " + init + "'").status, 0) << "one guest's process can be signalled from another";
  EXPECT_EQ(ubctl("stop 102 --fast").status, 0);
  EXPECT_EQ(ubctl("destroy 102").status, 0);
}

/// Weakness: a number that is read as another one's (CVE-2024-40635, CVE-2026-30892), or a path that is another's.
TEST_F(Walls, NoOtherTextIsTheNumberOfAContainer) {
  create();
  for (const char* text : {"4294967397",  "18446744073709551717",
                           "-4294967195", "-101",
                           "+101",        "0x65",
                           "101.0",       "1e2",
                           "101:",        "101/",
                           "' 101'",      "'101 '",
                           "'101\n'",     "101,",
                           "../101",      "./101",
                           "/101",        "1O1",
                           "101x",        "x101",
                           "''",          "0",
                           "-1"}) {
    const Ran ran = ubctl(std::string{"set "} + text + " --description changed --save");
    EXPECT_NE(ran.status, 0) << text;
    EXPECT_THAT(ran.output, testing::Not(testing::IsEmpty())) << text;
  }
  EXPECT_EQ(shell("cat /etc/ubc/conf/*.conf | grep -c changed").output, "0\n");
  EXPECT_EQ(ubctl("set 101 --bindmount_add /srv: --save").status, 21) << "CVE-2022-23648";
}

/// Weakness: environment of the host's programs from a file that others may write into (CWE-426).
TEST_F(Walls, AConfigurationPutsNothingIntoTheEnvironmentOfTheHostsPrograms) {
  create();
  (void)shell(
      "printf 'LD_PRELOAD=\"/tmp/evil.so\"\nPATH=\"/tmp\"\nBASH_ENV=\"/tmp/evil\"\n' >> /etc/ubc/conf/101.conf; "
      "printf '#!/bin/sh\nenv > /tmp/environment\n' > /etc/ubc/conf/101.mount; chmod 755 /etc/ubc/conf/101.mount");
  start();
  (void)shell("rm /etc/ubc/conf/101.mount");
  EXPECT_EQ(shell("grep -c -e ^VEID=101 -e ^PATH=/usr/local/sbin /tmp/environment").output, "2\n");
  EXPECT_EQ(shell("grep -e evil -e ^PATH=/tmp /tmp/environment").output, "");
  EXPECT_EQ(ubctl("exec2 101 'cat /proc/1/environ | tr \"\\0\" \"\\n\" | grep -e evil -e PATH=/tmp'").output, "");
}

/// Weakness: processes without number, deaf to signals (CWE-400).
TEST_F(Walls, AForkBombThatHearsNothingEndsWithItsContainer) {
  create("--numproc 60");
  start();
  (void)ubctl("exec2 101 'trap \"\" TERM INT HUP QUIT; f() { sleep 7117 & f & f & wait; }; f' >/dev/null 2>&1 </dev/null &");
  for (int tries = 0; tries < 3000 && field("101", "numproc.f") == "0"; ++tries) (void)::usleep(20'000);
  EXPECT_NE(field("101", "numproc.f"), "0");
  EXPECT_EQ(field("101", "numproc.m"), "60");
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  EXPECT_EQ(shell("ls -d /sys/fs/cgroup/ubc/101 2>/dev/null; grep -l -a sleep.711[7] /proc/[0-9]*/cmdline 2>/dev/null").output, "");
  EXPECT_EQ(ubctl("start 101").status, 0);
}

/// Weakness: a message whose length wraps around (CVE-2021-43784).
TEST_F(Walls, AsManyAddressesAsNobodyNeedsAreSetOrRefusedWhole) {
  create();
  (void)shell(
      "{ printf 'IP_ADDRESS=\"'; for i in $(seq 0 1999); do printf '10.88.%d.%d ' $((i / 250)) $((i % 250 + 1)); done; echo '\"'; } >> "
      "/etc/ubc/conf/101.conf");
  const Ran started = ubctl("start 101");
  const std::string seen = ubctl(started.status == 0 ? "exec2 101 'ip -o addr show dev venet0 | grep -c 10.88.'" : "status 101").output;
  EXPECT_EQ(seen, started.status == 0 ? "2000\n" : "CTID 101 exist unmounted down\n") << started.output;
}

}  // namespace
}  // namespace ubc::test

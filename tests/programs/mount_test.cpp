// SPDX-License-Identifier: Apache-2.0
// A container's tree on the host: with the guest's ids, harmless to the host, and gone when it has to be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kRoot = "/var/lib/ubc/root/101";
constexpr uid_t kBase = 0x10000000 + 65536;   // of slot 1

class Mount : public Guest {
 protected:
  void TearDown() override {
    (void)ubctl("umount 101 --force");
    Guest::TearDown();
    EXPECT_EQ(shell("grep -c ' /var/lib/ubc/root' /proc/self/mountinfo").output, "0\n") << "a mount was left";
    EXPECT_EQ(shell("ls -A /var/lib/ubc/root").output, "");
  }
};

TEST_F(Mount, TheTreeOfAStoppedContainerHasTheGuestsIdsAndWhatTheHostMakesThereIsTheGuestRootsOwn) {
  create();
  start();
  EXPECT_EQ(ubctl("exec2 101 'echo kept > /root/kept; chown 7:8 /root/kept; chmod 640 /root/kept'").status, 0);
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  EXPECT_EQ(ubctl("mount 101").output,
            "Container is mounted\n" + kRoot + ": nothing in it is run, and no symbolic link of it is followed\n");
  EXPECT_EQ(shell("stat -c '%u:%g %a' " + kRoot + "/root/kept").output, "7:8 640\n");
  EXPECT_EQ(shell("stat -c '%u:%g' " + kRoot + "/etc/passwd " + kRoot).output, "0:0\n0:0\n");
  EXPECT_EQ(shell("echo host > " + kRoot + "/etc/from-host; chown 12:13 " + kRoot + "/etc/passwd; mkdir " + kRoot + "/srv2").status, 0);
  EXPECT_EQ(shell("stat -c %u /var/lib/ubc/private/101/upper/etc/from-host /var/lib/ubc/private/101/upper/etc/passwd").output,
            std::to_string(kBase) + "\n" + std::to_string(kBase + 12) + "\n");
  EXPECT_EQ(ubctl("umount 101").output, "Container is unmounted\n");
  EXPECT_NE(shell("test -e " + kRoot).status, 0);
  start();
  EXPECT_EQ(ubctl("exec2 101 'stat -c %u:%g /etc/from-host /etc/passwd /srv2; cat /etc/from-host'").output, "0:0\n12:13\n0:0\nhost\n");
}

/// Weaknesses: a setuid program of a guest that the host's users run (CWE-250), and a link in a guest's tree that leads the host's root
/// astray (CWE-59).
TEST_F(Mount, NothingInTheTreeIsRunAndNoLinkInItLeadsOutOfIt) {
  create();
  start();
  (void)shell("echo host > /tmp/of-the-host");
  EXPECT_EQ(ubctl("exec2 101 'ln -s /tmp/of-the-host /etc/link; ln -s / /root/up; cp /bin/busybox /root/run; chmod 4755 /root/run'").status,
            0);
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  EXPECT_EQ(ubctl("mount 101").status, 0);
  EXPECT_THAT(shell("cat " + kRoot + "/etc/link").output, HasSubstr("Too many levels of symbolic links"));
  EXPECT_NE(shell("(echo x > " + kRoot + "/etc/link)").status, 0);
  EXPECT_NE(shell("ls " + kRoot + "/root/up/tmp").status, 0);
  EXPECT_EQ(text_of("/tmp/of-the-host"), "host\n");
  EXPECT_EQ(shell(kRoot + "/root/run true").status, 126);
  EXPECT_THAT(shell("grep " + kRoot + " /proc/self/mountinfo").output,
              HasSubstr(" rw,nosuid,nodev,noexec,relatime,nosymfollow - overlay "));
  EXPECT_EQ(shell("stat -c %a /var/lib/ubc/root").output, "700\n");
}

TEST_F(Mount, WordsAndExitCodesAreVzctls) {
  EXPECT_EQ(ubctl("mount 101").status, 14);
  create();
  EXPECT_EQ(ubctl("umount 101").status, 40);
  EXPECT_EQ(ubctl("umount 101").output, "CT is not mounted\n");
  EXPECT_EQ(ubctl("status 101").output, "CTID 101 exist unmounted down\n");
  EXPECT_EQ(field("101", "status"), "stopped");
  EXPECT_EQ(ubctl("mount 101").status, 0);
  EXPECT_EQ(ubctl("status 101").output, "CTID 101 exist mounted down\n");
  EXPECT_EQ(field("101", "status"), "mounted");
  const Ran twice = ubctl("mount 101");
  EXPECT_EQ(twice.status, 41);
  EXPECT_EQ(twice.output, "Container is already mounted\n");
  const Ran doomed = ubctl("destroy 101");
  EXPECT_EQ(doomed.status, 41);
  EXPECT_THAT(doomed.output, HasSubstr("Container is currently mounted (umount first)\n"));
  EXPECT_EQ(shell("test -e /var/lib/ubc/private/101/upper").status, 0);
  EXPECT_EQ(ubctl("umount 101").status, 0);
  start();
  EXPECT_EQ(ubctl("status 101").output, "CTID 101 exist mounted running\n");
  EXPECT_THAT(ubctl("umount 101").output, HasSubstr("Container is running -- stop it first"));
  EXPECT_EQ(ubctl("umount 101").status, 32);
  EXPECT_EQ(ubctl("umount 101 --force").status, 40);
}

TEST_F(Mount, AStartTakesTheTreeOffFirstAndIsRefusedWhileSomebodyIsInIt) {
  create();
  EXPECT_EQ(ubctl("mount 101").status, 0);
  const Ran busy = shell("(cd " + kRoot + "/etc; " UBCTL " start 101; echo $?; " UBCTL " umount 101; echo $?)");
  EXPECT_THAT(busy.output, HasSubstr("unmount " + kRoot + ": somebody is in it: fuser -vm " + kRoot + " says who\n51\n"));
  EXPECT_EQ(ubctl("status 101").output, "CTID 101 exist mounted down\n");
  const Ran started = ubctl("start 101");
  EXPECT_EQ(started.status, 0);
  EXPECT_THAT(started.output, HasSubstr("WARNING: its tree was unmounted: ubctl mount 101 shows it again\n"));
  EXPECT_EQ(shell("grep -c ' " + kRoot + " ' /proc/self/mountinfo").output, "0\n");
}

TEST_F(Mount, WhatARunningGuestSeesIsSeenAndIsGoneWhenItStops) {
  create();
  start();
  EXPECT_EQ(ubctl("exec2 101 'mount -t tmpfs mine /mnt; echo inside > /mnt/f; echo before > /root/f; chown 7 /root/f'").status, 0);
  const Ran mounted = ubctl("mount 101");
  EXPECT_EQ(mounted.status, 0) << mounted.output;
  EXPECT_EQ(text_of(kRoot + "/root/f"), "before\n");
  EXPECT_EQ(text_of(kRoot + "/mnt/f"), "inside\n");
  EXPECT_EQ(ubctl("exec2 101 'echo after > /root/f; mount -t tmpfs later /home'").status, 0);
  EXPECT_EQ(text_of(kRoot + "/root/f"), "after\n") << "it is the same file system";
  EXPECT_EQ(shell("grep -c ' " + kRoot + "/home ' /proc/self/mountinfo").output, "0\n") << "the guest mounts on the host";
  const bool shifted = mounted.output.find("cannot shift") == std::string::npos;
  EXPECT_EQ(shell("stat -c %u " + kRoot + "/root/f").output, std::to_string(shifted ? 7 : kBase + 7) + "\n");
  EXPECT_EQ(shell("(echo host > " + kRoot + "/root/made)").status == 0, shifted);
  EXPECT_EQ(ubctl("exec2 101 'stat -c %u /root/made 2>/dev/null || echo none'").output, shifted ? "0\n" : "none\n");
  EXPECT_NE(shell("(echo 1 > " + kRoot + "/proc/sys/net/ipv4/ip_forward)").status, 0);
  EXPECT_THAT(shell("grep ' " + kRoot + "/dev ' /proc/self/mountinfo").output, HasSubstr(" ro,nosuid,nodev,noexec,"));
  EXPECT_THAT(ubctl("exec2 101 cat /proc/self/mountinfo").output, Not(HasSubstr("ubc/root")));
  EXPECT_EQ(ubctl("mount 101").status, 41);
  EXPECT_EQ(ubctl("umount 101 --force").output, "Container is unmounted\n");
  EXPECT_EQ(ubctl("exec2 101 cat /mnt/f").output, "inside\n");
  EXPECT_EQ(ubctl("mount 101").status, 0);
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  EXPECT_EQ(ubctl("status 101").output, "CTID 101 exist unmounted down\n");
}

TEST_F(Mount, AGuestCannotFloodTheHostWithItsMounts) {
  create();
  start();
  EXPECT_EQ(ubctl("exec2 101 'i=0; while [ $i -lt 260 ]; do mount -t tmpfs t /mnt; i=$((i+1)); done'").status, 0);
  const Ran flooded = ubctl("mount 101");
  EXPECT_EQ(flooded.status, 50);
  EXPECT_THAT(flooded.output, HasSubstr(" mounts, and the host shall not get more than 256 of them: take some off in it\n"));
  EXPECT_EQ(shell("grep -c ' /var/lib/ubc/root' /proc/self/mountinfo").output, "0\n");
}

TEST_F(Mount, OtherMountNamespacesOfTheHostAreLeftOut) {
  create();
  const Ran seen = shell(
      "(mount --make-rshared /; mkfifo /run/go; unshare -m --propagation slave sh -c 'touch /run/there; read x < /run/go; grep -o "
      "/var/lib/ubc/root/[^\\ ]* /proc/self/mountinfo; mount | grep -c from-the-host' & until test -e /run/there; do sleep 0.1; done; "
      "mkdir -p "
      "/run/from-the-host; mount -t tmpfs t /run/from-the-host; " UBCTL
      " mount 101 > /run/out; echo > /run/go; wait; umount /run/from-the-host; "
      "mount --make-rprivate /; rm -r /run/go /run/there /run/from-the-host)");
  EXPECT_EQ(seen.output, "1\n") << "another mount of the host's came in, and this one did not";
  EXPECT_THAT(text_of("/run/out"), StartsWith("Container is mounted\n"));
}

TEST_F(Mount, ActionScriptsRunInVzctlsOrderWithTheRootInTheirEnvironmentAndAFailingOneUndoesTheMount) {
  create();
  (void)shell(
      "rm -f /tmp/told; for s in vps.mount 101.mount 101.umount vps.umount; do printf '#!/bin/sh\\necho %s $VE_ROOT $(ls $VE_ROOT | grep "
      "etc) >> "
      "/tmp/told\\n' $s > /etc/ubc/conf/$s; chmod 755 /etc/ubc/conf/$s; done");
  EXPECT_EQ(ubctl("mount 101").status, 0);
  EXPECT_EQ(ubctl("umount 101").status, 0);
  std::string wanted;
  for (const char* script : {"vps.mount", "101.mount", "101.umount", "vps.umount"}) wanted += std::string{script} + " " + kRoot + " etc\n";
  EXPECT_EQ(text_of("/tmp/told"), wanted);
  (void)shell("printf '#!/bin/sh\\nexit 4\\n' > /etc/ubc/conf/101.mount");
  EXPECT_EQ(ubctl("mount 101").status, 79);
  EXPECT_EQ(ubctl("status 101").output, "CTID 101 exist unmounted down\n");
  (void)shell("rm -f /etc/ubc/conf/*mount");
}

TEST_F(Mount, AKilledCommandLeavesWhatTheNextOneTakesForWhatItIs) {
  create();
  EXPECT_EQ(shell("UBC_FAULT=mount:attached " UBCTL " mount 101").status, 137);
  EXPECT_EQ(ubctl("status 101").output, "CTID 101 exist mounted down\n");
  EXPECT_EQ(shell("UBC_FAULT=umount:scripts " UBCTL " umount 101").status, 137);
  EXPECT_EQ(ubctl("umount 101").status, 0);
  EXPECT_EQ(ubctl("mount 101").status, 0);
  EXPECT_EQ(shell("mv /var/lib/ubc/private/101 /var/lib/ubc/private/aside; " UBCTL " doctor").output,
            kRoot + " is where container 101, which is not there, was mounted\nubctl doctor --repair clears what can be cleared\n");
  EXPECT_THAT(ubctl("doctor --repair").output, HasSubstr("was mounted: cleared\n"));
  EXPECT_EQ(shell("mv /var/lib/ubc/private/aside /var/lib/ubc/private/101; ls -A /var/lib/ubc/root").output, "");
}

}  // namespace
}  // namespace ubc::test

// SPDX-License-Identifier: Apache-2.0
// What a template, or a guest that has changed its own files, can do to a command of the host's. Archives: tests/unit/template_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;

class HostileTemplate : public Guest {
 protected:
  /// busybox with `commands` done in it, as template "evil".
  static void import(const std::string& commands) {
    const Ran made = shell(
        "set -e; rm -rf /tmp/evil; mkdir -p /tmp/evil/bin /tmp/evil/dev/pts; cp /bin/busybox /tmp/evil/bin/; "
        "for name in sh cat stat sleep ls; do ln -s busybox /tmp/evil/bin/$name; done; cd /tmp/evil; " +
        commands + "; tar -C /tmp/evil -czf /tmp/evil.tar.gz .");
    ASSERT_EQ(made.status, 0) << made.output;
    const Ran imported = ubctl("template import /tmp/evil.tar.gz --name evil");
    ASSERT_EQ(imported.status, 0) << imported.output;
  }
  void TearDown() override {
    Guest::TearDown();
    (void)ubctl("template remove evil");
    (void)shell("rm -rf /tmp/evil /tmp/evil.tar.gz /tmp/outside");
  }
};

/// CVE-2019-19921, CVE-2021-30465, CVE-2026-41579: places where the host mounts, as links out of the root.
TEST_F(HostileTemplate, MountPointsThatAreLinksLeadNowhere) {
  for (const std::string place : {"dev", "proc", "sys"}) {
    (void)shell("mkdir -p /tmp/outside");
    import("rm -rf " + place + "; ln -s ../../../../../../tmp/outside " + place);
    ASSERT_EQ(ubctl("create 101 --ostemplate evil").status, 0);
    const Ran started = ubctl("start 101");
    EXPECT_NE(started.status, 0) << place;
    EXPECT_THAT(started.output, HasSubstr("/" + place)) << "the failure names what is wrong";
    EXPECT_EQ(shell("ls -A /tmp/outside; grep -c /tmp/outside /proc/self/mountinfo").output, "0\n");
    EXPECT_EQ(ubctl("destroy 101").status, 0);
    EXPECT_EQ(ubctl("template remove evil").status, 0);
  }
}

/// CVE-2025-31133: what masks are made of; CVE-2025-52565: what the console is mounted on.
TEST_F(HostileTemplate, DevicesThatAreLinksAreNotUsed) {
  (void)shell("echo host > /tmp/outside");
  import(
      "ln -s /proc/sys/kernel/core_pattern dev/null; ln -s ../../../../tmp/outside dev/console; ln -s /proc/sys/kernel/modprobe dev/pts/0; "
      "ln -s ../../../../tmp/outside dev/kcore");
  ASSERT_EQ(ubctl("create 101 --ostemplate evil --init '/bin/sleep 1000'").status, 0);
  const std::string before = text_of("/proc/sys/kernel/core_pattern") + text_of("/proc/sys/kernel/modprobe");
  start();
  EXPECT_EQ(ubctl("exec2 101 stat -c %F:%t:%T /dev/null").output, "character special file:1:3\n");
  EXPECT_EQ(ubctl("exec2 101 'stat -c %F /dev/console; [ -L /dev/pts/0 ] && echo link; cat /proc/kcore'").output,
            "character special file\n");
  EXPECT_NE(ubctl("exec2 101 'echo x > /proc/sys/kernel/core_pattern'").status, 0);
  EXPECT_EQ(text_of("/proc/sys/kernel/core_pattern") + text_of("/proc/sys/kernel/modprobe"), before);
  EXPECT_EQ(text_of("/tmp/outside"), "host\n");
}

/// CVE-2019-14271: a program of the host's loads a library, or a table of names, of the guest that it has entered.
TEST_F(HostileTemplate, NoCommandLoadsALibraryOfTheGuests) {
  EXPECT_THAT(shell("ldd " UBCTL).output, HasSubstr("not a dynamic executable"));
  import(
      "mkdir -p etc lib64 usr/lib/x86_64-linux-gnu/gconv; ln -s usr/lib lib; for dir in lib64 usr/lib usr/lib/x86_64-linux-gnu; do "
      "for name in libnss_files.so.2 libnss_compat.so.2 libnss_dns.so.2 libc.so.6 libgcc_s.so.1 libpthread.so.0; do cp " EVIL_LIBRARY
      " $dir/$name; done; done; cp " EVIL_LIBRARY
      " usr/lib/x86_64-linux-gnu/gconv/UTF-16.so; mkdir tmp; "
      "echo 'passwd: files compat dns' > etc/nsswitch.conf; echo /lib/libc.so.6 > etc/ld.so.preload; echo root:x:0:0::/:/bin/sh > "
      "etc/passwd");
  (void)shell("rm -f /tmp/pwned; printf '#!/bin/sh\\necho $((6 * 7))\\n' > /tmp/script");
  ASSERT_EQ(ubctl("create 101 --ostemplate evil --init '/bin/sleep 1000' --hostname evil").status, 0);
  start();
  EXPECT_EQ(ubctl("runscript 101 /tmp/script").output, "42\n");
  for (const char* verb :
       {"exec2 101 ls", "enter 101 </dev/null", "set 101 --hostname other --nameserver 192.0.2.1", "cp /tmp/script 101:/etc/",
        "cp 101:/etc/passwd /tmp/copied", "set 101 --userpasswd root:secret", "mount 101", "diff 101", "umount 101", "ps 101",
        "template save 101 evil-too", "template remove evil-too", "stop 101 --fast", "mount 101", "umount 101"})
    (void)ubctl(verb);
  EXPECT_NE(::access("/tmp/pwned", F_OK), 0) << "loaded outside";
  EXPECT_EQ(shell("find /var/lib/ubc/private/101/upper -name pwned").output, "") << "loaded inside";
}

}  // namespace
}  // namespace ubc::test

// SPDX-License-Identifier: Apache-2.0
// Templates as their user meets them: made from a container, and from a distribution that nobody here has heard of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kTemplates = "/var/lib/ubc/templates/";
constexpr const char* kUpper = "/var/lib/ubc/private/101/upper";

/// Nothing of a save that was killed, and no template of its name.
void expect_nothing_left() {
  EXPECT_THAT(ubctl("template list").output, Not(HasSubstr("saved")));
  EXPECT_EQ(shell("ls -A /var/lib/ubc/cache | grep -v lock; ls -A /var/lib/ubc/templates/.store | grep -v ^sha256").output,
            "busybox.tar.gz\n");
}

class Save : public Guest {
 protected:
  void TearDown() override {
    (void)ubctl("stop 102 --fast");
    (void)ubctl("destroy 102");
    (void)ubctl("template remove saved");
    Guest::TearDown();
  }
  static std::string saved(const std::string& command) {
    return shell("cd " + std::string{kTemplates} + "saved/rootfs/ && " + command).output;
  }
};

TEST_F(Save, ARunningContainersFilesAreTheTemplatesWithoutWhatIsAMachinesOwn) {
  create();
  put_probe();
  start();
  const Ran changed = ubctl(
      "exec2 101 'mkdir -p /srv/a /etc/ssh; echo mine > /srv/a/f; chown 7:8 /srv/a/f; chmod 4750 /srv/a/f; ln /srv/a/f /srv/a/g; "
      "rm /etc/profile; echo x > /etc/machine-id; echo k > /etc/ssh/ssh_host_rsa_key; echo c > /etc/ssh/sshd_config; mkfifo /srv/pipe; "
      "echo t > /run/t; echo s > /dev/shm/s; truncate -s 100M /srv/holes; setfattr -n user.a -v 1 /srv/a/f 2>/dev/null; true'");
  ASSERT_EQ(changed.status, 0) << changed.output;
  const Ran done = ubctl("template save 101 saved");
  ASSERT_EQ(done.status, 0) << done.output;
  EXPECT_EQ(field("101", "status"), "running");
  EXPECT_EQ(saved("stat -c '%n %u:%g %a %h %s' srv srv/a/f etc/passwd srv/holes"),
            "srv 0:0 755 3 4096\nsrv/a/f 7:8 4750 2 5\netc/passwd 0:0 644 1 " +
                std::to_string(text_of(std::string{kTemplates} + "busybox/rootfs/etc/passwd").size()) +
                "\nsrv/holes 0:0 644 1 104857600\n");
  EXPECT_EQ(saved("stat -c %b srv/holes"), "0\n") << "holes stay holes";
  EXPECT_EQ(saved("ls -A etc/ssh proc sys dev run srv; test -e etc/profile || echo gone; wc -c < etc/machine-id"),
            "dev:\n\netc/ssh:\nsshd_config\n\nproc:\n\nrun:\n\nsrv:\na\nholes\n\nsys:\ngone\n0\n");
  ASSERT_EQ(ubctl("create 102 --ostemplate saved").status, 0);
  ASSERT_EQ(ubctl("start 102").status, 0);
  EXPECT_EQ(ubctl("exec2 102 cat /srv/a/g").output, "mine\n");
  EXPECT_EQ(ubctl("template verify saved").output, "Template saved is what was unpacked\n");
  EXPECT_EQ(ubctl("template remove saved").status, 32);
}

TEST_F(Save, AStoppedContainersToo) {
  create();
  ASSERT_EQ(shell(std::string{"echo text > "} + kUpper + "/file; chown --reference=" + kUpper + " " + kUpper + "/file").status, 0);
  const Ran done = ubctl("template save 101 saved");
  ASSERT_EQ(done.status, 0) << done.output;
  EXPECT_EQ(saved("stat -c %u:%g file; cat file"), "0:0\ntext\n");
  const Ran again = ubctl("--quiet template save 101 saved");
  EXPECT_EQ(again.status, 44);
  EXPECT_EQ(again.output,
            "save container 101 as template saved: there is a template of this name already; remove it first or give another name\n");
  EXPECT_EQ(ubctl("template save 103 other").status, 14);
}

TEST_F(Save, AFileOfSomebodyElsesIsRefusedAndNothingIsLeft) {
  create();
  ASSERT_EQ(shell(std::string{"echo text > "} + kUpper + "/file; chown 70000 " + kUpper + "/file").status, 0);
  const Ran done = ubctl("template save 101 saved");
  EXPECT_EQ(done.status, 3);
  EXPECT_THAT(done.output, HasSubstr("file: it belongs to id 70000 of the host, which is none of this guest's"));
  expect_nothing_left();
}

TEST_F(Save, KilledInTheMiddleTheContainerGoesOnAndNothingIsLeft) {
  create();
  start();
  for (const std::string stage : {"save:still", "save:packed"}) {
    EXPECT_EQ(shell("UBC_FAULT=" + stage + " " UBCTL " template save 101 saved").status, 137) << stage;
    for (int tries = 0; tries < 3000 && field("101", "status") != "running"; ++tries) (void)::usleep(20'000);
    EXPECT_EQ(field("101", "status"), "running") << stage << ": it stands still for good";
    expect_nothing_left();
  }
  EXPECT_EQ(ubctl("exec2 101 echo here").output, "here\n");
}

TEST_F(Save, ASuspendedContainerStaysSuspended) {
  create();
  start();
  ASSERT_EQ(ubctl("suspend 101").status, 0);
  EXPECT_EQ(ubctl("template save 101 saved").status, 0);
  EXPECT_EQ(field("101", "status"), "suspended");
  EXPECT_EQ(ubctl("resume 101").status, 0);
}

/// A distribution whose init is a script that ends on a signal no other init ends on: all that ubc knows of it is a file of the admin's.
class Foreign : public Guest {
 protected:
  static void SetUpTestSuite() {
    const Ran made = shell(
        "set -e; rm -rf /tmp/foreign; mkdir -p /tmp/foreign/bin /tmp/foreign/sbin /tmp/foreign/etc /tmp/foreign/proc /tmp/foreign/tmp "
        "/etc/ubc/fixups; "
        "cd /tmp/foreign; cp /bin/busybox bin/; ln -s busybox bin/sh; printf 'ID=\"alpine-like\"\\n' > etc/os-release; "
        "printf '1:respawn:/sbin/getty tty1\\nup\\n' > etc/inittab; echo seed > etc/seed; "
        "printf '#!/bin/sh\\ntrap \"echo asked > /was-asked; exit 0\" HUP\\n[ \"$1\" = boot ] && echo yes > /up\\n"
        "while :; do /bin/busybox sleep 1000 & wait; done\\n' > sbin/init; chmod 755 sbin/init; tar czf /tmp/alpine-like.tar.gz .; "
        "printf 'IDS=\"alpine-like\"\\nINIT=\"/sbin/init boot\"\\nSTOP=\"SIGHUP\"\\nEMPTY_FILES=\"/etc/seed\"\\n"
        "COMMENT_LINES=\"/etc/inittab:getty\"\\n' > /etc/ubc/fixups/alpine-like.conf");
    ASSERT_EQ(made.status, 0) << made.output;
    const Ran imported = ubctl("template import /tmp/alpine-like.tar.gz");
    ASSERT_EQ(imported.status, 0) << imported.output;
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(ubctl("template remove alpine-like").status, 0);
    (void)shell("rm -rf /etc/ubc/fixups /tmp/foreign /tmp/alpine-like.tar.gz");
  }
};

TEST_F(Foreign, DistributionsAreMadeGuestsByDataAlone) {
  const std::string upper = kUpper, rootfs = std::string{kTemplates} + "alpine-like/rootfs";
  EXPECT_EQ(text_of(rootfs + "/etc/inittab"), "#1:respawn:/sbin/getty tty1\nup\n");
  EXPECT_EQ(text_of(rootfs + "/etc/seed"), "");
  ASSERT_EQ(ubctl("create 101 --ostemplate alpine-like").status, 0);
  start();
  for (int tries = 0; tries < 3000 && text_of(upper + "/up").empty(); ++tries) (void)::usleep(20'000);
  EXPECT_EQ(text_of(upper + "/up"), "yes\n") << "its init was not run as the fix-up says";
  const Ran stopped = ubctl("stop 101");
  EXPECT_EQ(stopped.status, 0);
  EXPECT_THAT(stopped.output, Not(HasSubstr("killed")));
  EXPECT_EQ(text_of(upper + "/was-asked"), "asked\n");
  ASSERT_EQ(ubctl("set 101 --init '/bin/busybox sleep 1000' --save").status, 0);
  start();
  EXPECT_THAT(ubctl("stop 101").output, HasSubstr("hears no signal")) << "a container's own init is asked in its own language";
}

}  // namespace
}  // namespace ubc::test

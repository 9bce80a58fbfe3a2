// SPDX-License-Identifier: Apache-2.0
// A container of OpenVZ becomes one of ubc's: a made-up private area of simfs, and its configuration, where vzctl has them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/xattr.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kArea = "/vz/private/101";
constexpr const char* kUpper = "/var/lib/ubc/private/101/upper";

class Convert : public Guest {
 protected:
  static void SetUpTestSuite() {
    Guest::SetUpTestSuite();
    const Ran made = shell(
        "set -e; rm -rf /vz; mkdir -p /vz/private /etc/vz/conf; mkdir /vz/private/101; cp -a /var/lib/ubc/templates/busybox/rootfs/. "
        "/vz/private/101; "
        "cd /vz/private/101; mkdir -p srv/www; echo page > srv/www/index; chown 33:34 srv/www/index; chmod 4751 srv/www/index; "
        "ln srv/www/index srv/same; ln -s /etc/shadow srv/link; mknod srv/disk b 8 0; mkfifo srv/pipe; truncate -s 30M srv/holes; "
        "echo id > etc/machine-id; echo key > etc/ssh_host_key");
    ASSERT_EQ(made.status, 0) << made.output;
    ASSERT_EQ(::setxattr("/vz/private/101/srv/www", "user.site", "7", 1, 0), 0);
    vfs_cap_data capable{};
    capable.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE;
    capable.data[0].permitted = 1U << CAP_NET_RAW;
    ASSERT_EQ(::setxattr("/vz/private/101/srv/holes", "security.capability", &capable, sizeof capable, 0), 0);
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(ubctl("template remove empty").status, 0);
    (void)shell("rm -rf /vz /etc/vz");
  }
  void SetUp() override {
    std::ofstream{"/etc/vz/conf/101.conf"} << "# of vzctl\nVE_ROOT=\"/vz/root/$VEID\"\nVE_PRIVATE=\"/vz/private/$VEID\"\nNUMPROC=\"60\"\n"
                                              "HOSTNAME=\"old.example.com\"\nOSTEMPLATE=\"centos-6-x86_64\"\nIPTABLES=\"ipt_limit\"\n";
    before_ = source();
  }
  void TearDown() override {
    Guest::TearDown();
    EXPECT_EQ(source(), before_) << "the source is as it was";
  }
  static std::string source() {
    return shell("cd /vz/private/101 && find . -printf '%p %y %U:%G %m %n %s %T@ %l\\n' | sort | md5sum; cat /etc/vz/conf/101.conf").output;
  }
  /// What a conversion that failed may not leave.
  static void expect_nothing_of_it() {
    EXPECT_EQ(shell("ls -A /var/lib/ubc/private; ls /etc/ubc/conf | grep '^101.conf$'").output, "");
    EXPECT_EQ(ubctl("doctor").status, 0) << ubctl("doctor").output;
  }
  std::string before_;
};

TEST_F(Convert, ThePrivateAreaIsTheGuestsOwnAndItsConfigurationIsTakenOver) {
  const Ran done = ubctl("convert 101 --name old");
  ASSERT_EQ(done.status, 0) << done.output;
  EXPECT_EQ(done.output,
            "WARNING: IPTABLES is left out: each guest has a netfilter of its own, with the modules that the host has loaded\n"
            "Copying /vz/private/101 to /var/lib/ubc/private/101...\n"
            "WARNING: 1 device nodes are left out: a guest gets its own /dev\n"
            "Container 101 was converted; /vz/private/101 is as it was\n");
  EXPECT_EQ(text_of("/etc/ubc/conf/101.conf"),
            "# of vzctl\n# VE_ROOT=\"/vz/root/$VEID\"\n# VE_PRIVATE=\"/vz/private/$VEID\"\nNUMPROC=\"60\"\nHOSTNAME=\"old.example.com\"\n"
            "OSTEMPLATE=\"centos-6-x86_64\"\n# IPTABLES=\"ipt_limit\"\nNAME=\"old\"\n");
  vfs_ns_cap_data capable{};
  ASSERT_EQ(::getxattr((std::string{kUpper} + "/srv/holes").c_str(), "security.capability", &capable, sizeof capable), XATTR_CAPS_SZ_3);
  EXPECT_EQ(std::to_string(capable.rootid) + "\n", shell(std::string{"stat -c %u "} + kUpper).output) << "of the guest's root";
  char site = 0;
  EXPECT_EQ(::getxattr((std::string{kUpper} + "/srv/www").c_str(), "user.site", &site, 1), 1);
  EXPECT_EQ(site, '7');
  ASSERT_EQ(ubctl("start old").status, 0);
  EXPECT_EQ(ubctl("exec2 101 'cd /srv; stat -c \"%n %u:%g %a %h %s\" www/index same holes; cat same; ls; readlink link; test -p pipe && "
                  "hostname; cat /etc/machine-id'")
                .output,
            "www/index 33:34 4751 2 5\nsame 33:34 4751 2 5\nholes 0:0 644 1 31457280\npage\nholes\nlink\npipe\nsame\nwww\n/etc/shadow\n"
            "old.example.com\nid\n");
  EXPECT_EQ(field("101", "numproc.l"), "60");
  EXPECT_EQ(ubctl("stop 101").status, 0);
  EXPECT_EQ(ubctl("template verify empty").output, "Template empty is what was unpacked\n");
  EXPECT_EQ(ubctl("template remove empty").status, 32) << "it lies over it";
  EXPECT_EQ(ubctl("start 101").status, 0) << "a second time, with what it has written";
}

TEST_F(Convert, OtherPlacesAndNumbersAreSaid) {
  const Ran none = ubctl("convert 101 --config /vz/none.conf");
  EXPECT_EQ(none.status, 14);
  EXPECT_EQ(none.output, "there is no OpenVZ configuration /vz/none.conf: say which by --config FILE\n");
  const Ran nowhere = ubctl("convert 101 --private /vz/private/7");
  EXPECT_EQ(nowhere.status, 43);
  EXPECT_THAT(nowhere.output, HasSubstr("open /vz/private/7: No such file or directory"));
  expect_nothing_of_it();
  const Ran done = ubctl("--quiet convert 101 --config /etc/vz/conf/101.conf --private /vz/private/101 --numproc 70 --hostname new");
  ASSERT_EQ(done.status, 0) << done.output;
  EXPECT_THAT(text_of("/etc/ubc/conf/101.conf"), HasSubstr("NUMPROC=\"70\"\nHOSTNAME=\"new\"\n"));
  const Ran again = ubctl("convert 101");
  EXPECT_EQ(again.status, 44);
  EXPECT_EQ(again.output, "container 101 exists already: destroy it first, or take another id\n");
}

TEST_F(Convert, AConfigurationThatIsThereIsNotReplaced) {
  ASSERT_EQ(shell("mkdir -p /etc/ubc/conf; echo 'NUMPROC=\"9\"' > /etc/ubc/conf/101.conf").status, 0);
  const Ran refused = ubctl("convert 101");
  EXPECT_EQ(refused.status, 82);
  EXPECT_EQ(refused.output, "/etc/ubc/conf/101.conf exists already, and /etc/vz/conf/101.conf would replace it: remove one of them\n");
  EXPECT_EQ(text_of("/etc/ubc/conf/101.conf"), "NUMPROC=\"9\"\n");
  (void)shell("rm /etc/ubc/conf/101.conf");
}

TEST_F(Convert, APloopImageIsRefusedWithTheRemedy) {
  ASSERT_EQ(shell("mkdir -p /vz/private/7/root.hdd; touch /vz/private/7/root.hdd/DiskDescriptor.xml").status, 0);
  const Ran refused = ubctl("--quiet convert 101 --private /vz/private/7");
  EXPECT_EQ(refused.status, 5);
  EXPECT_THAT(refused.output,
              HasSubstr("/vz/private/7 holds a ploop image, which this kernel can't mount: on the host that can, vzctl mount "
                        "101, copy /vz/root/101 with its owners and attributes, and give that copy as --private\n"));
  (void)shell("rm -r /vz/private/7");
  expect_nothing_of_it();
}

TEST_F(Convert, WhatNoGuestCanHaveIsRefusedAndNothingIsLeft) {
  ASSERT_EQ(shell("cp -a /vz/private/101 /vz/private/8; chown 70000 /vz/private/8/srv/www/index").status, 0);
  const Ran refused = ubctl("--quiet convert 101 --private /vz/private/8");
  EXPECT_EQ(refused.status, 3);
  EXPECT_THAT(refused.output, HasSubstr("copy /vz/private/8: /srv/same belongs to 70000:34, and guests have the ids 0 to 65535: give it "
                                        "to one of these first\n"));
  (void)shell("rm -r /vz/private/8");
  expect_nothing_of_it();
}

TEST_F(Convert, KilledInTheMiddleTheNextOneBeginsAgain) {
  for (const std::string stage : {"convert:area", "convert:copied"}) {
    EXPECT_EQ(shell("UBC_FAULT=" + stage + " " UBCTL " convert 101").status, 137) << stage;
    EXPECT_EQ(ubctl("status 101").output, "CTID 101 deleted unmounted down\n") << stage;
    EXPECT_THAT(ubctl("doctor").output, HasSubstr("/var/lib/ubc/private/101.new is a private area that was not completed")) << stage;
  }
  const Ran done = ubctl("convert 101");
  ASSERT_EQ(done.status, 0) << done.output;
  EXPECT_EQ(ubctl("doctor").status, 0) << ubctl("doctor").output;
  start();
  EXPECT_EQ(ubctl("exec2 101 cat /srv/same").output, "page\n");
}

}  // namespace
}  // namespace ubc::test

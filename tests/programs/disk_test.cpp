// SPDX-License-Identifier: Apache-2.0
// diskspace and diskinodes: what the file system of the private areas counts and refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Disk : public Guest {
 protected:
  static Ran write_mib(const std::string& file, int count) {
    return ubctl("exec2 101 dd if=/dev/zero of=" + file + " bs=1M count=" + std::to_string(count));
  }
  /// Never above the limit; below it by a write at most, which 7.x refuses in whole.
  static void expect_nearly(unsigned long kib) {
    const unsigned long used = std::stoul(field("101", "diskspace"));
    EXPECT_LE(used, kib);
    EXPECT_GT(used + 1024, kib - 20);
  }
};

TEST_F(Disk, SpaceAndInodesAboveTheHardLimitAreRefusedAndALiveRaiseLetsThemPass) {
  create("--diskspace 10M:12M --diskinodes 200:300");
  start();
  EXPECT_THAT(ubctl("exec2 101 df -k /").output, HasSubstr(" 10240 ")) << "the guest's df says what it may take";
  const Ran refused = write_mib("/big", 13);
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.output, HasSubstr("Disk quota exceeded"));
  expect_nearly(12288);
  EXPECT_EQ(field("101", "diskspace.h"), "12288");
  const Ran files = ubctl("exec2 101 'i=0; while touch /f$i; do i=$((i+1)); done; true'");
  EXPECT_THAT(files.output, HasSubstr("Disk quota exceeded"));
  EXPECT_EQ(field("101", "diskinodes"), "300");
  EXPECT_THAT(ubctl("show 101").output, HasSubstr("\ndiskinodes          300         -       200       300         - refused\n"));
  EXPECT_EQ(ubctl("set 101 --diskspace 20M:30M --diskinodes 1000 --save").status, 0);
  EXPECT_EQ(write_mib("/more", 13).status, 0);
  EXPECT_EQ(ubctl("restart 101 --fast").status, 0);
  EXPECT_EQ(field("101", "diskinodes.h"), "1000");
}

TEST_F(Disk, WithNoTimeAboveItTheSoftLimitIsHardAndWithoutQuotaNothingIs) {
  create("--diskspace 5M:50M --quotatime 0");
  start();
  EXPECT_EQ(write_mib("/big", 6).status, 1);
  expect_nearly(5120);
  EXPECT_EQ(ubctl("set 101 --diskquota no --save").status, 0);
  EXPECT_EQ(write_mib("/big", 60).status, 0);
  EXPECT_EQ(field("101", "diskspace.h"), "-");
}

TEST_F(Disk, TheNextContainerWithItsIdHasNeitherItsLimitsNorItsFiles) {
  create("--diskspace 5M");
  start();
  EXPECT_EQ(write_mib("/big", 4).status, 0);
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  EXPECT_EQ(ubctl("destroy 101").status, 0);
  create();
  start();
  EXPECT_EQ(field("101", "diskspace.h"), "-");
  EXPECT_EQ(write_mib("/big", 6).status, 0);
}

/// Weakness: a guest's root that takes its files out of what is counted (CWE-269).
TEST_F(Disk, GuestRootCannotLeaveItsProject) {
  create("--diskspace 5M");
  put_probe();
  start();
  const Ran tried = ubctl("exec2 101 'mkdir /own && /probe project /own'");
  EXPECT_THAT(tried.output, Not(HasSubstr("ok")));
  EXPECT_THAT(tried.output, HasSubstr("another: "));
  EXPECT_THAT(tried.output, HasSubstr("not inherited: "));
  EXPECT_EQ(ubctl("exec2 101 'mv /own /root; dd if=/dev/zero of=/root/own/f bs=1M count=6'").status, 1)
      << "a directory that was copied up from the template counts as well";
}

TEST_F(Disk, BadInputAndAFileSystemThatDoesNotCountAreSaidAndNothingIsSaved) {
  create("--diskspace 5M");
  EXPECT_EQ(ubctl("set 101 --diskspace 30M:20M --save").output,
            "Bad parameter for --diskspace: 30M:20M: the soft limit is above the hard one\n");
  EXPECT_EQ(ubctl("set 101 --diskquota maybe --save").status, 21);
  EXPECT_EQ(shell("mkdir -p /run/elsewhere && UBC_LIB=/run/elsewhere " UBCTL " template build busybox && UBC_LIB=/run/elsewhere " UBCTL
                  " create 102 --ostemplate busybox")
                .status,
            0);
  const Ran refused = shell("UBC_LIB=/run/elsewhere " UBCTL " set 102 --diskspace 1G --save");
  EXPECT_NE(refused.status, 0);
  EXPECT_THAT(refused.output, HasSubstr("the file system of /run/elsewhere/private/102/upper does not count by project: ext4 wants"));
  EXPECT_EQ(shell("grep -c DISKSPACE /etc/ubc/conf/102.conf").output, "0\n");
  EXPECT_EQ(shell("UBC_LIB=/run/elsewhere " UBCTL " destroy 102; rm -rf /run/elsewhere").status, 0);
  EXPECT_EQ(shell("grep DISKSPACE /etc/ubc/conf/101.conf").output, "DISKSPACE=\"5120:5120\"\n");
}

}  // namespace
}  // namespace ubc::test

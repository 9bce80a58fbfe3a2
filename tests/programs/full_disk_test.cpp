// SPDX-License-Identifier: Apache-2.0
// A file system without room: what can't be done is said in one line, and everything is as it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;

/// Configurations, templates and private areas on an ext4 of a few MiB, of which nothing is kept for root.
class FullDisk : public Guest {
 protected:
  void SetUp() override {
    const Ran made = shell(
        "set -e; mkdir -p /full; truncate -s 12M /run/full.img; mkfs.ext4 -q -F -m 0 -N 400 /run/full.img; "
        "mount -o loop /run/full.img /full; tar -C /var/lib/ubc/templates/busybox/rootfs -czf /run/other.tar.gz .");
    ASSERT_EQ(made.status, 0) << made.output;
    ASSERT_EQ(here("template build busybox").status, 0);
    const Ran container = here("create 101 --ostemplate busybox --numproc 50 --name old");
    ASSERT_EQ(container.status, 0) << container.output;
  }
  void TearDown() override {
    (void)shell("rm -f /full/fill");
    (void)here("stop 101 --fast");
    EXPECT_EQ(here("destroy 101").status, 0) << "with room again all is well";
    EXPECT_EQ(here("doctor").status, 0);
    EXPECT_EQ(shell("umount /full && rm /run/full.img /run/other.tar.gz").output, "");
    Guest::TearDown();
  }
  static Ran here(const std::string& arguments) { return shell("UBC_LIB=/full/lib UBC_ETC=/full/etc " UBCTL " --quiet " + arguments); }
  static void fill() {
    (void)shell(
        "dd if=/dev/zero of=/full/fill bs=64k 2>/dev/null; dd if=/dev/zero of=/full/fill bs=512 oflag=append conv=notrunc 2>/dev/null; "
        "sync");
  }
  static std::string all() {
    return shell("cd /full; find . -path ./lost+found -prune -o -path ./fill -prune -o -type f -exec md5sum {} + -o -print | sort").output;
  }
  /// It fails, says why in a line, and changes nothing.
  static void expect_refused(const std::string& arguments, const std::string& why = "No space left on device\n") {
    const std::string before = all();
    const Ran ran = here(arguments);
    EXPECT_NE(ran.status, 0) << arguments;
    EXPECT_THAT(ran.output, HasSubstr(why)) << arguments;
    EXPECT_EQ(ran.output.find('\n'), ran.output.size() - 1) << arguments << " says more than a line: " << ran.output;
    EXPECT_EQ(all(), before) << arguments;
  }
};

TEST_F(FullDisk, WhatNeedsRoomIsRefusedAndChangesNothing) {
  fill();
  expect_refused("create 102 --ostemplate busybox");
  expect_refused("template import /run/other.tar.gz");
  expect_refused("template save 101 mine");
  expect_refused("set 101 --numproc 60 --save");
  expect_refused("set 101 --name web --save");
  EXPECT_EQ(here("list -a -H -o name old").status, 0) << "its name is the one that it had";
  EXPECT_EQ(here("list -a -H -o ctid,numproc.l").output, "       101         50\n");
  (void)shell("rm /full/fill");
  EXPECT_EQ(here("set 101 --numproc 60 --save").status, 0);
}

TEST_F(FullDisk, AStartNeedsNoRoomOrSaysSo) {
  fill();
  const Ran started = here("start 101");
  if (started.status != 0) {
    EXPECT_EQ(started.output, "start container 101: the file system of /full/lib/private/101 is full: make room on it\n");
    (void)shell("rm /full/fill");
    EXPECT_EQ(here("start 101").status, 0);
  }
  EXPECT_EQ(here("exec2 101 echo here").output, "here\n");
  EXPECT_EQ(here("stop 101 --fast").status, 0);
}

}  // namespace
}  // namespace ubc::test

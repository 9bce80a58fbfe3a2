// SPDX-License-Identifier: Apache-2.0
// What the host sees and does inside: ps, runscript, users.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

class Inside : public Guest {};

TEST_F(Inside, ProcessesAreListedWithTheirContainersAndBothOfTheirNumbers) {
  create("--name web --init '/bin/sleep 7007'");
  start();
  const auto listed = nlohmann::json::parse(ubctl("ps web --json").output);
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0]["ctid"], 101);
  EXPECT_EQ(listed[0]["pid_inside"], 1);
  EXPECT_EQ(listed[0]["uid"], 0);
  EXPECT_EQ(listed[0]["command"], "/bin/sleep 7007");
  EXPECT_EQ(shell("cat /sys/fs/cgroup/ubc/101/guest/cgroup.procs").output, std::to_string(listed[0]["pid"].get<int>()) + "\n");
  EXPECT_THAT(ubctl("ps").output, HasSubstr(" /bin/sleep 7007\n"));
  EXPECT_EQ(ubctl("stop web --fast").status, 0);
  EXPECT_THAT(ubctl("ps").output, Not(HasSubstr("7007")));
  EXPECT_THAT(ubctl("ps nobody").output, HasSubstr("nobody"));
}

TEST_F(Inside, AShellScriptOfTheHostRunsThereWithTheCallersInputAndItsOwnStatus) {
  create();
  start();
  (void)shell("printf '#!/bin/sh\\nread line; echo \"$line in $(hostname)\"; exit 3\\n' > /tmp/script");
  const Ran ran = shell("echo input | " UBCTL " runscript 101 /tmp/script");
  EXPECT_EQ(ran.status, 3);
  EXPECT_EQ(ran.output, "input in 101\n");
  (void)shell("printf '#!/usr/bin/python3\\n' > /tmp/script");
  const Ran other = ubctl("runscript 101 /tmp/script");
  EXPECT_EQ(other.status, 21);
  EXPECT_THAT(other.output, HasSubstr("it asks for /usr/bin/python3, and only a shell's script can be run"));
  (void)shell("head -c 200000 /dev/zero | tr '\\0' ' ' > /tmp/script");
  EXPECT_THAT(ubctl("runscript 101 /tmp/script").output, HasSubstr("less than 128 KiB"));
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  EXPECT_EQ(ubctl("runscript 101 /tmp/script").status, 21);
}

TEST_F(Inside, APasswordIsRefusedWhereItCannotBeSet) {
  create();
  EXPECT_EQ(ubctl("set 101 --userpasswd root:secret").status, 31);
  start();
  EXPECT_EQ(ubctl("set 101 --userpasswd 'a b:secret'").status, 21);
  EXPECT_EQ(ubctl("set 101 --userpasswd root:").status, 21);
  const Ran missing = ubctl("set 101 --userpasswd root:secret");   // busybox-static has none
  EXPECT_EQ(missing.status, 74);
  EXPECT_THAT(missing.output, HasSubstr("the guest has no chpasswd: install its passwd or shadow package\n"));
}

}  // namespace
}  // namespace ubc::test

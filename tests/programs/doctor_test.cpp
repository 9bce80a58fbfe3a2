// SPDX-License-Identifier: Apache-2.0
// What nobody answers for is found, told and cleared; and what is in order is left alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;

class Doctor : public Guest {};

TEST_F(Doctor, FindsNothingWhereAllIsInOrderAndLeavesItAlone) {
  create("--name web --ipadd 10.79.0.1");
  start();
  const Ran healthy = ubctl("doctor --repair");
  EXPECT_EQ(healthy.status, 0);
  EXPECT_EQ(healthy.output, "nothing was found\n");
  EXPECT_EQ(ubctl("exec2 web true").status, 0);
}

TEST_F(Doctor, WhatACommandThatWasKilledLeftIsFoundAndClearedByTheNextCommandOrByItself) {
  create("--ipadd 10.79.0.1");
  for (const char* stage : {"start:record", "start:cgroups", "start:launched"}) {
    EXPECT_EQ(shell(std::string{"UBC_FAULT="} + stage + " " UBCTL " start 101").status, 137) << stage;
    const Ran found = ubctl("doctor");
    EXPECT_EQ(found.status, 1) << stage;
    EXPECT_THAT(found.output, HasSubstr("container 101 does not run, and its last run has left a cgroup, a record or links\n")) << stage;
    EXPECT_THAT(ubctl("doctor --repair").output, HasSubstr("links: cleared\n")) << stage;
    EXPECT_EQ(ubctl("doctor").status, 0) << stage;
  }
  EXPECT_EQ(shell("UBC_FAULT=start:launched " UBCTL " start 101").status, 137);
  start();
  EXPECT_EQ(ubctl("doctor").output, "nothing was found\n");
}

TEST_F(Doctor, NamesLinksAndAreasOfNobodyAreClearedAndWhatIsAnAdminsToDecideIsOnlyTold) {
  create();
  (void)shell(
      "mkdir -p /etc/ubc/names && ln -s ../conf/777.conf /etc/ubc/names/ghost; mkdir -p /var/lib/ubc/private/778.new/upper "
      "/var/lib/ubc/private/.gone-779/upper; ip link add ubc780 type dummy");
  const Ran found = ubctl("doctor");
  EXPECT_EQ(found.status, 1);
  EXPECT_THAT(found.output, HasSubstr("name ghost is nobody's"));
  EXPECT_THAT(found.output, HasSubstr("/var/lib/ubc/private/778.new is a private area that was not completed\n"));
  EXPECT_THAT(found.output, HasSubstr("/var/lib/ubc/private/.gone-779 is a private area that was not wholly removed\n"));
  EXPECT_THAT(found.output, HasSubstr("link ubc780 belongs to container 780, which does not run\n"));
  EXPECT_EQ(ubctl("doctor --repair").status, 0);
  EXPECT_EQ(ubctl("doctor").output, "nothing was found\n");
  EXPECT_EQ(shell("mv /etc/ubc/conf/101.conf /tmp; " UBCTL " doctor --repair").output,
            "container 101 has a private area and no configuration: ubctl destroy 101 removes it\n");
  (void)shell("mv /tmp/101.conf /etc/ubc/conf/");
}

TEST_F(Doctor, DiffTellsWhatTheGuestHasMadeOfItsTemplate) {
  create();
  start();
  EXPECT_EQ(ubctl("exec2 101 'echo x >> /etc/passwd; rm /etc/group; mkdir /srv2; ln -s /etc /srv2/link'").status, 0);
  const Ran seen = ubctl("diff 101");
  EXPECT_EQ(seen.status, 0);
  EXPECT_THAT(seen.output, HasSubstr("C /etc\nD /etc/group\nC /etc/hostname\nC /etc/passwd\n"));
  EXPECT_THAT(seen.output, HasSubstr("A /srv2\nA /srv2/link\n"));
}

}  // namespace
}  // namespace ubc::test

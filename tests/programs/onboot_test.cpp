// SPDX-License-Identifier: Apache-2.0
// What ubc-boot.service does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class OnBoot : public Guest {};

TEST_F(OnBoot, WhoAsksForItIsStartedOnceAndNobodyElseIs) {
  create("--onboot no");
  EXPECT_EQ(ubctl("start --onboot").status, 0);
  EXPECT_THAT(ubctl("status 101").output, HasSubstr("exist unmounted down")) << "it said no";
  ASSERT_EQ(ubctl("set 101 --onboot yes --bootorder 7 --save").status, 0);
  const Ran first = ubctl("start --onboot");
  EXPECT_EQ(first.status, 0) << first.output;
  EXPECT_THAT(first.output, HasSubstr("Container 101\nStarting container...\n"));
  EXPECT_THAT(ubctl("status 101").output, HasSubstr("exist mounted running"));
  const Ran again = ubctl("start --onboot");
  EXPECT_EQ(again.status, 0) << again.output;
  EXPECT_EQ(again.output, "Container 101\n") << "it runs already";
}

TEST_F(OnBoot, AContainerOrAllButNotBothAndNotNeither) {
  EXPECT_EQ(ubctl("start").status, 21);
  EXPECT_EQ(ubctl("start 101 --onboot").status, 21);
  create();
  EXPECT_EQ(ubctl("set 101 --bootorder first --save").status, 21);
}

}  // namespace
}  // namespace ubc::test

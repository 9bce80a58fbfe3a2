// SPDX-License-Identifier: Apache-2.0
// Containers that come and go leave nothing: the short form of tests/cycles.sh, which counts.
#include <gtest/gtest.h>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

class Cycles : public Guest {};

TEST_F(Cycles, NothingIsLeftOfThoseThatCameAndWent) {
  const Ran ran = shell("UBCTL=" UBCTL " " UBC_SOURCE "/tests/cycles.sh 24");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_TRUE(ran.output.ends_with("nothing is left of 24 containers\n")) << ran.output;
}

}  // namespace
}  // namespace ubc::test

// SPDX-License-Identifier: Apache-2.0
// The last of the tests with guests: it takes the hooks off, which the next one would have to attach again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/programs/daemon.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Detached : public Guest {};

TEST_F(Detached, UbcdFollowsAContainerThatStopsAndHooksThatAreGone) {
  create();
  Daemon daemon;
  EXPECT_EQ(value_of(get("/metrics"), "ubc_containers{state=\"stopped\"}"), "1");
  start();
  EXPECT_NE(value_of(get("/metrics"), of_101("ubc_held_items", "numproc")), "");
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  EXPECT_EQ(ubctl("hooks detach").status, 0);
  const std::string text = get("/metrics");
  EXPECT_EQ(value_of(text, "ubc_hooks_attached"), "0");
  EXPECT_EQ(value_of(text, "ubc_container_state{ctid=\"101\",state=\"stopped\"}"), "1");
  EXPECT_THAT(text, Not(HasSubstr("ubc_held_items")));
  EXPECT_EQ(value_of(text, "ubc_read_failures_total"), "0") << text_of(kLog);
  EXPECT_EQ(daemon.stop(), 0) << "SIGTERM ends it cleanly";
  EXPECT_THAT(text_of(kLog), HasSubstr("ended by signal 15\n"));
}

}  // namespace
}  // namespace ubc::test

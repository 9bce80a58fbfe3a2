// SPDX-License-Identifier: Apache-2.0
// top and show --watch at a real terminal; what they show is tests/unit/top_test.cpp's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "tests/programs/guest.h"
#include "tests/programs/terminal.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;

class Top : public Guest {
 protected:
  void SetUp() override {
    create("--name web --numproc 10");
    start();
    before_ = terminal_.modes();
  }
  void run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"/usr/bin/env", "TERM=xterm", UBCTL});
    terminal_.run(arguments);
  }
  void expect_restored() const { EXPECT_TRUE(same(terminal_.modes(), before_)) << "the terminal was left in another mode"; }

  Terminal terminal_{24, 80};
  termios before_{};
};

TEST_F(Top, ALimitIsChangedLiveAfterItsPreviewAndTheTerminalIsGivenBack) {
  run({"top"});
  ASSERT_TRUE(terminal_.sees("101 web")) << terminal_.seen();
  EXPECT_FALSE(is_cooked(terminal_.modes()));
  terminal_.type("e");
  ASSERT_TRUE(terminal_.sees("> numproc 10")) << terminal_.seen();
  terminal_.type(
      "\x7f\x7f"
      "40:50\r");
  ASSERT_TRUE(terminal_.sees("numproc: 10 -> 40:50: room for")) << terminal_.seen();
  EXPECT_EQ(field("101", "numproc.b"), "10") << "nothing is changed before it is confirmed";
  terminal_.type("y");
  ASSERT_TRUE(terminal_.sees("--numproc 40:50 --save")) << terminal_.seen();
  EXPECT_EQ(field("101", "numproc.b"), "40");
  terminal_.type("q");
  EXPECT_EQ(terminal_.wait(), 0);
  expect_restored();
}

TEST_F(Top, AClickSortsADoubleClickOpensAndTheMouseIsGivenBack) {
  const auto click = [](int column, int row) {
    const std::string at = "\x1b[<0;" + std::to_string(column) + ";" + std::to_string(row);
    return at + "M" + at + "m";
  };
  run({"top"});
  ASSERT_TRUE(terminal_.sees("101 web")) << terminal_.seen();
  terminal_.type(click(9, 2));
  ASSERT_TRUE(terminal_.sees("CTID")) << terminal_.seen();   // what differs of "by CTID"
  terminal_.type(click(20, 3) + click(20, 3));
  ASSERT_TRUE(terminal_.sees("container 101 (web)")) << terminal_.seen();
  terminal_.type("\x1bOF");   // End
  ASSERT_TRUE(terminal_.sees("iowrites")) << terminal_.seen();
  terminal_.type("qq");
  ASSERT_TRUE(terminal_.sees("\x1b[?1006;1000l")) << terminal_.seen();
  EXPECT_EQ(terminal_.wait(), 0);
  expect_restored();
}

TEST_F(Top, ASignalEndsItWithTheTerminalGivenBack) {
  run({"top"});
  ASSERT_TRUE(terminal_.sees("101 web")) << terminal_.seen();
  ASSERT_EQ(::kill(terminal_.pid(), SIGTERM), 0);
  EXPECT_EQ(terminal_.wait(), 128 + SIGTERM);
  expect_restored();
}

TEST_F(Top, ShowWatchesInPlaceUntilQOrCtrlC) {
  for (const char* end : {"q", "\x03"}) {
    run({"show", "web", "--watch", "0.2"});
    ASSERT_TRUE(terminal_.sees("change")) << terminal_.seen();
    terminal_.type(end);
    EXPECT_EQ(terminal_.wait(), 0);
    expect_restored();
  }
}

TEST_F(Top, WithoutATerminalTablesFollowOneAnotherAndTopSaysWhatItNeeds) {
  EXPECT_EQ(shell(std::string{UBCTL} + " show web -w 0.1 | head -60 | grep -c '^container 101, running$'").output, "2\n");
  EXPECT_EQ(ubctl("show web --watch 0").output, "--watch 0: seconds between two looks, 0.1 to 3600\n");
  const Ran top = ubctl("top < /dev/null");
  EXPECT_EQ(top.status, 21);
  EXPECT_THAT(top.output, HasSubstr("ubctl top needs a terminal for input and output"));
  terminal_.run({"/usr/bin/env", "TERM=no-such", UBCTL, "top"});
  EXPECT_TRUE(terminal_.sees("does not know the terminal TERM=\"no-such\"")) << terminal_.seen();
  EXPECT_EQ(terminal_.wait(), 21);
}

}  // namespace
}  // namespace ubc::test

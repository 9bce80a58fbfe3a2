// SPDX-License-Identifier: Apache-2.0
// enter and exec at a real terminal, and exec without one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <string>

#include "tests/programs/guest.h"
#include "tests/programs/terminal.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;

class AtATerminal : public Guest {
 protected:
  void SetUp() override {
    create();
    start();
  }
  /// In the guest's shell, with its first answer seen.
  void enter() {
    before_ = terminal_.modes();
    terminal_.run({UBCTL, "enter", "101"});
    terminal_.type("echo $((40 + 2))\n");
    ASSERT_TRUE(terminal_.sees("42")) << terminal_.seen();
  }
  void expect_restored() const { EXPECT_TRUE(same(terminal_.modes(), before_)) << "the terminal was left in another mode"; }

  Terminal other_{24, 80};   // so that the host's numbers of terminals and the guest's differ
  Terminal terminal_{50, 132};
  termios before_{};
};

TEST_F(AtATerminal, TheShellHasATerminalOfTheGuestsOwn) {
  ASSERT_NE(terminal_.name(), "/dev/pts/0");
  enter();
  EXPECT_FALSE(is_cooked(terminal_.modes())) << "every key is the guest's";
  terminal_.type("tty; ls /dev/pts; echo $((50 + 5))\n");
  EXPECT_TRUE(terminal_.sees("/dev/pts/0\r\n0     ptmx\r\n55") || terminal_.seen().contains("/dev/pts/0\r\n0")) << terminal_.seen();
  terminal_.type("exec 3<&0; [ $(stat -c %u $(tty)) = 0 ] && echo ro''ot owns it\n");
  EXPECT_TRUE(terminal_.sees("root owns it")) << terminal_.seen();
  terminal_.type("exit 7\n");
  EXPECT_EQ(terminal_.wait(), 7);
  expect_restored();
  EXPECT_TRUE(is_cooked(terminal_.modes()));
}

TEST_F(AtATerminal, TheWindowsSizeIsTheGuestsAndFollows) {
  enter();
  terminal_.type("echo si''ze $(stty size)\n");
  EXPECT_TRUE(terminal_.sees("size 50 132")) << terminal_.seen();
  terminal_.resize(33, 101);
  terminal_.type("while [ \"$(stty size)\" != '33 101' ]; do :; done; echo si''ze $(stty size)\n");
  EXPECT_TRUE(terminal_.sees("size 33 101")) << terminal_.seen();
}

TEST_F(AtATerminal, CtrlCInterruptsTheProgramInsideAndNotUbctl) {
  enter();
  terminal_.type("sh -c 'echo r''uns; exec sleep 10000'\n");
  ASSERT_TRUE(terminal_.sees("runs")) << terminal_.seen();
  terminal_.type("\x03");
  terminal_.type("echo st''atus $?\n");
  EXPECT_TRUE(terminal_.sees("status 130")) << terminal_.seen();
  terminal_.type("exit 0\n");
  EXPECT_EQ(terminal_.wait(), 0);
  expect_restored();
}

TEST_F(AtATerminal, TheTerminalIsRestoredWhenTheGuestIsStoppedUnderneath) {
  enter();
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  EXPECT_EQ(terminal_.wait(), 137);
  expect_restored();
}

TEST_F(AtATerminal, TheTerminalIsRestoredWhenTheGuestsInitIsKilled) {
  enter();
  EXPECT_EQ(shell("kill -9 $(head -1 /sys/fs/cgroup/ubc/101/guest/cgroup.procs)").status, 0);
  EXPECT_EQ(terminal_.wait(), 137);
  expect_restored();
}

TEST_F(AtATerminal, ATerminatedUbctlHangsUpAndRestoresTheTerminal) {
  enter();
  ASSERT_EQ(::kill(terminal_.pid(), SIGTERM), 0);
  EXPECT_EQ(terminal_.wait(), 129) << "the shell ends of the hang-up";
  expect_restored();
  EXPECT_EQ(text_of("/sys/fs/cgroup/ubc/101/exec/cgroup.procs"), "");
}

TEST_F(AtATerminal, AClosedWindowEndsTheShellInside) {
  enter();
  terminal_.hang_up();
  EXPECT_EQ(terminal_.wait(), 129);
  EXPECT_EQ(text_of("/sys/fs/cgroup/ubc/101/exec/cgroup.procs"), "");
}

TEST_F(AtATerminal, AGreatPasteThatComesBackAtOnceIsRelayedWhole) {
  std::string paste;
  for (unsigned i = 0, state = 7; i < 300'000; ++i) paste += static_cast<char>((state = state * 1664525U + 1013904223U) >> 24);
  enter();
  terminal_.type("stty raw -echo; echo re''ady; head -c 300000\n");
  ASSERT_TRUE(terminal_.sees("ready")) << terminal_.seen();
  (void)terminal_.next(1);   // the line's end
  EXPECT_TRUE(terminal_.next(paste.size(), paste) == paste);
}

TEST_F(AtATerminal, ExecHasATerminalTooAndGivesItsExitStatus) {
  before_ = terminal_.modes();
  terminal_.run({UBCTL, "exec2", "101", "tty", "&&", "stty", "size", "&&", "exit", "9"});
  EXPECT_TRUE(terminal_.sees("/dev/pts/0")) << terminal_.seen();
  EXPECT_TRUE(terminal_.sees("50 132")) << terminal_.seen();
  EXPECT_EQ(terminal_.wait(), 9);
  expect_restored();
}

class WithoutATerminal : public AtATerminal {};

TEST_F(WithoutATerminal, ExecPassesBinaryDataAndEndsOfFileBothWays) {
  ASSERT_EQ(shell("head -c 3000000 /dev/urandom > /tmp/data").status, 0);
  const Ran ran =
      shell("cat /tmp/data | " UBCTL " exec2 101 'tee /tmp/copy; cat /tmp/copy' > /tmp/back; cat /tmp/data /tmp/data | cmp - /tmp/back");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(shell("(" UBCTL " exec2 101 'echo out; echo err >&2' 2>/dev/null)").output, "out\n");
  EXPECT_THAT(ubctl("exec2 101 tty").output, HasSubstr("not a tty"));
  (void)shell("rm /tmp/data /tmp/back");
}

TEST_F(WithoutATerminal, ExitStatusAndSignalDeathComeThrough) {
  EXPECT_EQ(ubctl("exec2 101 exit 42").status, 42);
  EXPECT_EQ(ubctl("exec2 101 'kill -KILL $$'").status, 128 + SIGKILL);
  EXPECT_EQ(ubctl("exec2 101 'kill -TERM $$'").status, 128 + SIGTERM);
  EXPECT_EQ(ubctl("exec 101 'kill -TERM $$'").status, 8);
  EXPECT_EQ(shell("echo exit 5 | " UBCTL " enter 101").status, 5);
}

TEST_F(WithoutATerminal, SignalsToUbctlGoToTheProgram) {
  const Ran ran = shell(UBCTL
                        " exec2 101 'trap \"echo caught; exit 6\" TERM; echo ready > /ready; while :; do sleep 0.1; done' & "
                        "until " UBCTL " exec2 101 test -e /ready; do :; done; kill -TERM $!; wait $!");
  EXPECT_EQ(ran.status, 6);
  EXPECT_EQ(ran.output, "caught\n");
}

TEST_F(WithoutATerminal, AClosedDescriptorIsNeverOneOfTheHosts) {
  EXPECT_EQ(ubctl("exec2 101 readlink /proc/self/fd/0 <&-").output, "/dev/null\n");
  EXPECT_EQ(shell("(" UBCTL " exec2 101 'echo lost; own=$(readlink /proc/$$/fd/1); echo $own >&2' 2>&1 >&-)").output, "/dev/null\n");
}

}  // namespace
}  // namespace ubc::test

// SPDX-License-Identifier: Apache-2.0
// A guest's console: how much of it is kept, what a person's terminal gets of it, and the key that ends it.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "cli/detach_key.h"
#include "container/console_log.h"

namespace ubc::test {
namespace {

using container::console_text;
using container::ConsoleLog;
using container::kConsoleLogBytes;
using container::last_lines;

class KeptConsole : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(directory_.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  [[nodiscard]] std::string path() const { return directory_ + "/101.log"; }
  [[nodiscard]] std::string kept() const { return container::read_console_log(path()).value_or("unreadable"); }

 private:
  std::string directory_ = "/tmp/ubc-console.XXXXXX";
};

TEST_F(KeptConsole, BothHalvesAreFullAtTheBoundAndOneByteMoreDropsTheOlder) {
  const std::string half(kConsoleLogBytes / 2, 'a'), other(kConsoleLogBytes / 2, 'b');
  ConsoleLog log{path()};
  log.append(half);
  log.append(other);
  EXPECT_EQ(kept(), half + other);
  log.append("c");
  EXPECT_EQ(kept(), other + "c");
}

TEST_F(KeptConsole, AnotherKeeperGoesOnWhereTheFirstStopped) {
  ConsoleLog{path()}.append("before ");
  ConsoleLog{path()}.append("after");
  EXPECT_EQ(kept(), "before after");
  container::remove_console_log(path());
  EXPECT_EQ(kept(), "");
}

TEST_F(KeptConsole, WhatCouldNotBeWrittenIsCountedInTheLogWhenItCanBeAgain) {
  std::filesystem::create_directory(path());   // not even root writes to that
  ConsoleLog log{path()};
  log.append("lost");
  log.append("too");
  std::filesystem::remove(path());
  log.append("kept");
  EXPECT_EQ(kept(), "\n[7 bytes were not kept: the log could not be written]\nkept");
}

TEST(ConsoleText, NothingOfItIsObeyedByATerminal) {
  EXPECT_EQ(console_text("a\tb\r\nc\n"), "a\tb\nc\n");
  EXPECT_EQ(console_text("\x1b[0;32m OK \x1b[0m done \x1b[2J\x1b[?25l!"), " OK  done !");
  EXPECT_EQ(console_text("\x1b]0;title\x07one \x1b]2;t\x1b\\two \x1bPq#0\x1b\\three"), "one two three");
  EXPECT_EQ(console_text("\x1b(Bx\x1b=y\x1b"), "xy") << "and none at the end";
  EXPECT_EQ(console_text("\x1b]no end\nnext"), "\nnext") << "it may not swallow what follows";
  EXPECT_EQ(console_text(std::string_view{"\0\a\b\v\f\x7f", 6}), "");
}

TEST(ConsoleText, Utf8StaysAndWhatIsNoneOrAControlDoesNot) {
  EXPECT_EQ(console_text("Started \xc3\xa4\xe2\x80\xa6\xf0\x9f\x90\xa7."), "Started \xc3\xa4\xe2\x80\xa6\xf0\x9f\x90\xa7.");
  EXPECT_EQ(console_text("\xc2\x9b\x33m|\x9b|\xff|\xe2\x80|\xc0\xaf|\xf5\x80\x80\x80|"), "3m||||||")
      << "C1, alone, cut short, overlong, beyond";
  EXPECT_EQ(console_text("\xe0\x82\x9b|\xf0\x80\x82\x9b|"), "||") << "a C1 spelt longer";
  EXPECT_EQ(console_text("\xc2\xa0"), "\xc2\xa0") << "the first that is none";
  EXPECT_EQ(console_text("x\xe2\x80"), "x");
}

TEST(ConsoleText, TheLastLinesAreWholeOnes) {
  EXPECT_EQ(last_lines("a\nb\nc\n", 2), "b\nc\n");
  EXPECT_EQ(last_lines("a\nb\nc\n", 3), "a\nb\nc\n");
  EXPECT_EQ(last_lines("a\nb\nc\n", 9), "a\nb\nc\n");
  EXPECT_EQ(last_lines("\n\n", 1), "\n");
  EXPECT_EQ(last_lines("", 5), "");
}

TEST(DetachKey, IsEscThenAFullStopAtTheStartOfALineAndNothingElse) {
  cli::DetachKey at_once;
  EXPECT_EQ(at_once.pass("\x1b.rest"), "");
  EXPECT_TRUE(at_once.pressed());
  cli::DetachKey key;
  EXPECT_EQ(key.pass("ls\x1b."), "ls\x1b.") << "in a line";
  EXPECT_EQ(key.pass("\r\x1b"), "\r");
  EXPECT_EQ(key.pass("[A"), "\x1b[A") << "an arrow";
  EXPECT_EQ(key.pass("\n\x1b\x1b."), "\n\x1b\x1b.");
  EXPECT_FALSE(key.pressed());
  EXPECT_EQ(key.pass("\rx\r\x1b"), "\rx\r");
  EXPECT_EQ(key.pass("."), "");
  EXPECT_TRUE(key.pressed());
}

}  // namespace
}  // namespace ubc::test

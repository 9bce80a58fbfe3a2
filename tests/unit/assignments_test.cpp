// SPDX-License-Identifier: Apache-2.0
// KEY="value" lines: what is written is read back, by us and by a shell.
#include "os/assignments.h"

#include <gtest/gtest.h>
#include <stdio.h>

#include <string>

namespace {

using ubc::os::assigned_in;
using ubc::os::format_assignment;
using ubc::os::parse_assignment;

std::string as_a_shell_reads(const std::string& line) {
  const std::string script = "/tmp/ubc-assignments-test.sh";
  FILE* file = std::fopen(script.c_str(), "we");
  (void)std::fprintf(file, "%s\nprintf %%s \"$KEY\"\n", line.c_str());
  (void)std::fclose(file);
  FILE* pipe = ::popen(("sh " + script).c_str(), "r");
  char buffer[256];
  const std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe);
  (void)::pclose(pipe);
  return {buffer, got};
}

TEST(Assignments, WhatIsWrittenIsReadBackByUsAndByAShell) {
  for (const std::string value : {"", "plain", "two words", "a \"quoted\" word", "back\\slash", "$HOME `id` $(id)", "5:10", "'"}) {
    const std::string line = format_assignment("KEY", value);
    const auto parsed = parse_assignment(line);
    ASSERT_TRUE(parsed) << line;
    EXPECT_EQ(parsed->key, "KEY");
    EXPECT_EQ(parsed->value, value);
    EXPECT_EQ(as_a_shell_reads(line), value);
  }
  EXPECT_EQ(parse_assignment(format_assignment("KEY", "one\nOTHER=\"two\""))->value, "oneOTHER=\"two\"") << "one value stays one line";
}

TEST(Assignments, OtherLinesAreNone) {
  for (const char* line : {"", "  ", "# KEY=\"x\"", "key=\"x\"", "KEY", "1KEY=\"x\"", "K-Y=\"x\"", "=\"x\""})
    EXPECT_FALSE(parse_assignment(line)) << line;
  EXPECT_EQ(parse_assignment("  KEY=bare  ")->value, "bare");
  EXPECT_EQ(parse_assignment("KEY=\"cut")->value, "\"cut");
}

TEST(Assignments, TheFirstOfAKeyIsFound) {
  const std::string text = "# NOTE=\"no\"\nMYNOTE=\"no\"\nNOTE=\"yes\"\nNOTE=\"later\"\nLAST=\"x\"";
  EXPECT_EQ(assigned_in(text, "NOTE"), "yes");
  EXPECT_EQ(assigned_in(text, "LAST"), "x");
  EXPECT_EQ(assigned_in(text, "NONE"), std::nullopt);
}

TEST(Assignments, AFileReadOnceAnswersForEachKey) {
  const ubc::os::Assignments lines{"A=\"1\"\n\nnot one\nB=\"\"\nA=\"2\""};
  EXPECT_EQ(lines.get("A"), "1");
  ASSERT_NE(lines.find("B"), nullptr);
  EXPECT_EQ(*lines.find("B"), "");
  EXPECT_EQ(lines.find("C"), nullptr);
  EXPECT_EQ(lines.get("C"), "");
}

}  // namespace

// SPDX-License-Identifier: Apache-2.0
// The line that tells how far a long step is.
#include "cli/progress.h"

#include <gtest/gtest.h>

namespace {

using ubc::cli::progress_text;
constexpr std::uint64_t kMiB = 1 << 20;

TEST(Progress, SaysThePartInWholePercentAndTheSize) {
  EXPECT_EQ(progress_text("Unpacking x", 0, 50 * kMiB), "Unpacking x: 0 % of 50 MiB");
  EXPECT_EQ(progress_text("Unpacking x", 50 * kMiB - 1, 50 * kMiB), "Unpacking x: 99 % of 50 MiB");
  EXPECT_EQ(progress_text("Unpacking x", 50 * kMiB, 50 * kMiB), "Unpacking x: 100 % of 50 MiB");
  EXPECT_EQ(progress_text("Unpacking x", 500, 1000), "Unpacking x: 50 % of 1 KiB");
}

TEST(Progress, MoreThanAllAndNothingAtAllAreAllOfIt) {
  EXPECT_EQ(progress_text("x", 2000, 1000), "x: 100 % of 1 KiB");
  EXPECT_EQ(progress_text("x", 0, 0), "x: 100 % of 0 KiB");
}

TEST(Progress, WhatANameHoldsSteersNoTerminal) { EXPECT_EQ(progress_text("a\x1b[2J", 0, 0), "a\\x1b[2J: 100 % of 0 KiB"); }

}  // namespace

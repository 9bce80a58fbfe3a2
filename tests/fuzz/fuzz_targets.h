// SPDX-License-Identifier: Apache-2.0
// What reads bytes that others choose, each as a function that must come back, whatever they are: libFuzzer drives them for hours
// (ubcd_fuzz.cpp), the unit tests for some thousand runs.
#pragma once

#include <span>
#include <string_view>

namespace ubc::test {

struct FuzzTarget {
  std::string_view name;
  void (*run)(std::string_view);   ///< aborts where what it came to is impossible
  std::span<const std::string_view> seeds;   ///< good ones, to begin with
};
[[nodiscard]] std::span<const FuzzTarget> fuzz_targets();

}  // namespace ubc::test

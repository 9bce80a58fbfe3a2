// SPDX-License-Identifier: Apache-2.0
// A short run of what libFuzzer does for hours: seeds, changed at random but in each run the same way. A crash, a sanitizer's report or a
// check that does not hold ends the program; what it was fed last is then in ubc-fuzz-TARGET of the directory for temporary files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

#include "tests/fuzz/fuzz_targets.h"

namespace ubc::test {
namespace {

/// Of each target; UBC_FUZZ_RUNS says another number, for those who have time.
int runs() {
  const char* wanted = std::getenv("UBC_FUZZ_RUNS");
  return wanted == nullptr ? 1500 : std::atoi(wanted);
}

using Random = std::mt19937;

std::size_t below(Random& random, std::size_t bound) { return bound == 0 ? 0 : random() % bound; }

/// One change as libFuzzer makes them: of a byte, of a piece taken out, doubled or taken from another seed, of a number made great.
void change(std::string& text, std::span<const std::string_view> seeds, Random& random) {
  const std::size_t at = below(random, text.size() + 1),
                    length = below(random, std::min<std::size_t>(text.size() - std::min(at, text.size()), 16) + 1);
  constexpr std::string_view kOdd[] = {
      "18446744073709551616", "-1", "\n", "\r\n\r\n", "\"", "\\", "%00", "=", ":", "{", "]", "\xff", "unlimited", "help"};
  switch (random() % 6) {
    case 0:
      if (at < text.size()) text[at] = static_cast<char>(random());
      break;
    case 1: text.erase(at, length); break;
    case 2: text.insert(at, text.substr(at, length)); break;
    case 3: text.insert(at, kOdd[below(random, std::size(kOdd))]); break;
    case 4: {
      const std::string_view other = seeds[below(random, seeds.size())];
      text.insert(at, other.substr(below(random, other.size()), length * 2));
      break;
    }
    default: text.insert(at, below(random, 40), static_cast<char>(random())); break;
  }
}

class Fuzz : public testing::TestWithParam<FuzzTarget> {};

TEST_P(Fuzz, SomeThousandChangedSeedsLeadToNoCrash) {
  const FuzzTarget& target = GetParam();
  Random random{20'26};
  const int most = runs();
  const std::string kept = testing::TempDir() + "ubc-fuzz-" + std::string{target.name};
  for (const std::string_view seed : target.seeds) target.run(seed);
  target.run("");
  for (int run = 0; run < most; ++run) {
    std::string text{target.seeds[below(random, target.seeds.size())]};
    for (std::size_t changes = 1 + below(random, 8); changes > 0; --changes) change(text, target.seeds, random);
    std::ofstream{kept, std::ios::binary | std::ios::trunc} << text;   // there when this run is the last
    target.run(text);
  }
  (void)std::remove(kept.c_str());
}

INSTANTIATE_TEST_SUITE_P(Of, Fuzz, testing::ValuesIn(fuzz_targets().begin(), fuzz_targets().end()),
                         [](const auto& target) { return std::string{target.param.name}; });

}  // namespace
}  // namespace ubc::test

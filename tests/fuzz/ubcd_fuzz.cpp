// SPDX-License-Identifier: Apache-2.0
// ubc-ubcd-fuzz: libFuzzer over all fuzz_targets(), the first byte of an input says which. Needs a clang whose libstdc++ has <expected>
// (19):
//   ./dev fuzz [SECONDS]
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_targets.h"

/// ubc-ubcd-fuzz --seeds DIRECTORY: writes the seeds there, and ends.
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  if (*argc != 3 || std::string_view{(*argv)[1]} != "--seeds") return 0;
  const auto targets = ubc::test::fuzz_targets();
  for (std::size_t t = 0; t < targets.size(); ++t)
    for (std::size_t s = 0; s < targets[t].seeds.size(); ++s)
      std::ofstream{std::string{(*argv)[2]} + "/" + std::string{targets[t].name} + "-" + std::to_string(s)} << static_cast<char>(t)
                                                                                                            << targets[t].seeds[s];
  std::exit(0);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto targets = ubc::test::fuzz_targets();
  targets[data[0] % targets.size()].run({reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}

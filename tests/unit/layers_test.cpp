// SPDX-License-Identifier: Apache-2.0
// The layer rule and the sizes of rooms, as code: a forbidden include or a file over 400 lines fails.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

namespace {

namespace fs = std::filesystem;

const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"os", {"os"}},
    {"bpf", {"bpf", "os"}},
    {"accounting", {"accounting", "bpf", "os"}},
    {"isolate", {"isolate", "os"}},
    {"container", {"container", "accounting", "isolate", "bpf", "os"}},
    {"cli", {"cli", "container", "accounting", "isolate", "bpf", "os"}},
};

bool is_source(const fs::path& path) {
  const std::string extension = path.extension();
  return extension == ".cpp" || extension == ".h" || extension == ".c";
}

TEST(Layers, NoFolderIncludesWhatTheRuleForbids) {
  const std::regex include{R"(^#include "([a-z]+)/)"};
  int seen = 0;
  for (const auto& [folder, allowed] : kMayInclude)
    for (const auto& entry : fs::recursive_directory_iterator{fs::path{UBC_SOURCE} / folder}) {
      if (!is_source(entry.path())) continue;
      std::ifstream file{entry.path()};
      for (std::string line; std::getline(file, line);) {
        std::smatch match;
        if (!std::regex_search(line, match, include) || !kMayInclude.contains(match[1])) continue;
        ++seen;
        EXPECT_TRUE(allowed.contains(match[1])) << entry.path() << " includes " << line;
      }
    }
  EXPECT_GT(seen, 50) << "the test looked at nothing";
}

TEST(Layers, NoFileIsOver400Lines) {
  for (const char* folder : {"os", "bpf", "accounting", "isolate", "container", "cli", "tests", "bench"})
    for (const auto& entry : fs::recursive_directory_iterator{fs::path{UBC_SOURCE} / folder}) {
      if (!is_source(entry.path())) continue;
      std::ifstream file{entry.path()};
      EXPECT_LE(std::count(std::istreambuf_iterator<char>{file}, {}, '\n'), 400) << entry.path();
    }
}

}  // namespace

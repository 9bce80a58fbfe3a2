// SPDX-License-Identifier: Apache-2.0
// The layer rule as code: a forbidden include fails.
#include <gtest/gtest.h>

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
    {"exporter", {"exporter", "container", "accounting", "bpf", "os"}},
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

}  // namespace

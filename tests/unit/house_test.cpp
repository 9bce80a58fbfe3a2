// SPDX-License-Identifier: Apache-2.0
// The house rules that a grep can hold: sizes of files, licences, and no host of anybody's network in the tree.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kSource{UBC_SOURCE};

std::string text_of(const fs::path& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// Every file of the project, relative to its root; what git and the builds keep for themselves is left out.
std::vector<fs::path> project_files() {
  std::vector<fs::path> files;
  for (auto entry = fs::recursive_directory_iterator{kSource}; entry != fs::recursive_directory_iterator{}; ++entry) {
    const std::string name = entry->path().filename();
    if (entry.depth() == 0 && (name == ".git" || name == ".cache" || name == "LICENSES" || name.starts_with("build"))) {
      entry.disable_recursion_pending();
      continue;
    }
    if (entry->is_regular_file()) files.push_back(entry->path().lexically_relative(kSource));
  }
  EXPECT_GT(files.size(), 100U) << "the test looked at nothing";
  return files;
}

bool is_source(const fs::path& path) {
  static const std::set<std::string> kExtensions = {".cpp", ".h", ".c", ".sh", ".cmake"};
  return kExtensions.contains(path.extension()) || path.filename() == "CMakeLists.txt" || path == "dev" || path == ".ci/run";
}

std::vector<fs::path> source_files() {
  std::vector<fs::path> files = project_files();
  std::erase_if(files, [](const fs::path& path) { return !is_source(path); });
  return files;
}

/// The project's own headers that a file includes.
std::set<std::string> included_by(const fs::path& path) {
  static const std::regex kInclude{R"re(#include "([^"]+)")re"};
  const std::string text = text_of(kSource / path);
  std::set<std::string> headers;
  for (std::sregex_iterator found{text.begin(), text.end(), kInclude}, end; found != end; ++found)
    for (const fs::path& header : {fs::path{(*found)[1].str()}, path.parent_path() / (*found)[1].str()})
      if (fs::exists(kSource / header)) headers.insert(header.lexically_normal());
  return headers;
}

bool runs_in_kernel(const fs::path& path) { return path.string().contains(".bpf."); }

TEST(House, NoFileIsOver400Lines) {
  for (const fs::path& path : source_files()) EXPECT_LE(std::ranges::count(text_of(kSource / path), '\n'), 400) << path;
}

TEST(House, WhatRunsInTheKernelIsGplWhatBothSidesIncludeIsEitherTheRestIsApache) {
  std::set<std::string> kernel, both;
  for (const fs::path& path : source_files()) (runs_in_kernel(path) ? kernel : both).merge(included_by(path));
  for (const fs::path& path : source_files()) {
    const bool in_kernel = runs_in_kernel(path) || kernel.contains(path);
    const std::string licence = !in_kernel ? "Apache-2.0" : both.contains(path) ? "(GPL-2.0 OR Apache-2.0)" : "GPL-2.0";
    const std::string text = text_of(kSource / path);
    const std::regex line{R"(^(#![^\n]*\n)?(//|#|/\*) SPDX-License-Identifier: ([^\n*]+?)( \*/)?\n)"};
    std::smatch found;
    ASSERT_TRUE(std::regex_search(text, found, line, std::regex_constants::match_continuous))
        << path << " does not begin with an SPDX line";
    EXPECT_EQ(found[3].str(), licence) << path;
  }
}

/// A mirror, a registry, a proxy: people bring their own, from apt's configuration. Documentation may name example hosts.
TEST(House, NoFileNamesAHost) {
  const std::regex host{R"(\w+://([\w.-]+)|\b((?:[\w-]+\.)+(?:org|com|net|io|dev|cloud|internal|local))\b)"};
  const std::set<std::string> fine = {"ubc.io",  // the micro-VM's port for output
                                      "example.com", "example.org", "localhost", "127.0.0.1", "10.77.0.102",   // a guest of the tests
                                      "www.w3.org"};   // in the name of SVG's namespace, which nobody asks
  for (const fs::path& path : project_files()) {
    const std::string text = text_of(kSource / path);
    for (std::sregex_iterator found{text.begin(), text.end(), host}, end; found != end; ++found) {
      const std::string name = (*found)[1].matched ? (*found)[1] : (*found)[2];
      EXPECT_TRUE(fine.contains(name) || name.ends_with(".example.com")) << path << " names the host " << name;
    }
  }
}

/// The bench compares with empty programs at the same places; it refuses to run where one is missing, but runs in no test.
TEST(House, EveryHookThatIsAlwaysAttachedHasItsEmptyTwinInTheBench) {
  static const std::regex kProgram{
      R"re(SEC\("((?:lsm|fmod_ret|fentry|fexit|kprobe|tp_btf)/[^"]+)"\)\nint (?:BPF_PROG\(|BPF_KPROBE\()?(\w+))re"};
  const std::string twins = text_of(kSource / "bench/empty.bpf.c");
  const std::set<std::string> of_groups_that_are_off = {"buffer_hooks.bpf.h", "kernel_memory_hooks.bpf.h", "netfilter_hooks.bpf.h"};
  int seen = 0;
  for (const fs::path& path : source_files()) {
    if (!path.string().ends_with(".bpf.h") || of_groups_that_are_off.contains(path.filename())) continue;
    const std::string text = text_of(kSource / path);
    for (std::sregex_iterator found{text.begin(), text.end(), kProgram}, end; found != end; ++found, ++seen)
      EXPECT_NE(twins.find("EMPTY(\"" + (*found)[1].str() + "\", " + (*found)[2].str() + ")"), std::string::npos)
          << (*found)[2] << " of " << path;
  }
  EXPECT_GT(seen, 50) << "the test looked at nothing";
}

}  // namespace

// SPDX-License-Identifier: Apache-2.0
// The classic table as a file: what `cat` prints is what ubctl prints, on the host for all, in a guest for itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kOnTheHost = "cat /sys/fs/bpf/ubc/user_beancounters";

class BeancountersFile : public Guest {};

/// The columns of one row, after the resource's name.
std::vector<std::string> row(const std::string& table, const std::string& resource) {
  std::istringstream lines{table};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    std::vector<std::string> seen;
    for (std::string word; words >> word;) seen.push_back(word);
    const auto name = std::ranges::find(seen, resource);
    if (seen.end() - name == 6) return {name + 1, seen.end()};
  }
  ADD_FAILURE() << "no row " << resource << " in " << table;
  return std::vector<std::string>(5);
}

TEST_F(BeancountersFile, IsTheSameTextFromCatAndFromUbctl) {
  create("--ram 64M --swap 64M --numfile 100:120 --numproc 3");
  start();
  (void)ubctl("exec2 101 'for i in 1 2 3 4 5; do sleep 5 & done'");   // some are refused
  const std::string raw = ubctl("show 101 --raw").output;   // on 6.1 the host's file has memory as of the last look
  const std::string cat = shell(kOnTheHost).output;
  EXPECT_THAT(cat, HasSubstr("Version: 2.5\n       uid  resource                     held "));
  EXPECT_THAT(cat, HasSubstr("\n      101:  kmemsize "));
  EXPECT_EQ(row(cat, "numfile")[2], "100");
  EXPECT_EQ(row(cat, "numfile")[3], "120");
  EXPECT_NE(row(cat, "numproc")[4], "0");
  EXPECT_EQ(row(cat, "numproc"), row(raw, "numproc"));
  EXPECT_NE(row(cat, "physpages")[0], "0") << "the memory controller's";
  EXPECT_NE(row(cat, "kmemsize")[0], "0");
  EXPECT_EQ(row(cat, "physpages")[3], "16384");
}

TEST_F(BeancountersFile, AGuestReadsItsOwnRowsAndNobodyElses) {
  create("--numfile 100:120");
  start();
  EXPECT_EQ(ubctl("create 102 --ostemplate busybox --numfile 200:220").status, 0);
  EXPECT_EQ(ubctl("start 102").status, 0);
  const std::string own = ubctl("exec2 101 'cat /dev/user_beancounters'").output;
  EXPECT_THAT(own, HasSubstr("\n      101:  kmemsize "));
  EXPECT_THAT(own, Not(HasSubstr("102:")));
  EXPECT_EQ(row(own, "numfile")[3], "120");
  EXPECT_NE(row(own, "physpages")[0], "0");
  EXPECT_NE(ubctl("exec2 101 'echo 0 >/dev/user_beancounters'").status, 0) << "nobody writes to it";
  EXPECT_NE(ubctl("exec2 101 'umount /dev/user_beancounters'").status, 0) << "the mount is locked";
  EXPECT_THAT(shell(kOnTheHost).output, HasSubstr("102:"));
  EXPECT_EQ(ubctl("stop 102 --fast").status, 0);
  EXPECT_THAT(shell(kOnTheHost).output, Not(HasSubstr("102:"))) << "who does not run has no rows";
  EXPECT_EQ(ubctl("destroy 102").status, 0);
}

}  // namespace
}  // namespace ubc::test

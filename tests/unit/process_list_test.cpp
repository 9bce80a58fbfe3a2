// SPDX-License-Identifier: Apache-2.0
#include "accounting/process_list.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace ubc::accounting {
namespace {

class ProcessList : public testing::Test {
 protected:
  ProcessList() {
    std::string name = testing::TempDir() + "/process_list.XXXXXX";
    root_ = ::mkdtemp(name.data());
    put("group/cgroup.procs", "7\n");
    put("group/guest/cgroup.procs", "12\n5\n");
  }
  ~ProcessList() override { std::filesystem::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path{root_ + "/" + path}.parent_path());
    std::ofstream{root_ + "/" + path, std::ios::binary} << text;
  }
  [[nodiscard]] auto read() const { return processes_of(root_ + "/group", root_ + "/proc"); }

  std::string root_;
};

TEST_F(ProcessList, HasAllOfTheCgroupAndBelowByPidAndLeavesOutWhatHasEnded) {
  put("proc/12/status", "Name:\tsh\nState:\tS (sleeping)\nNSpid:\t12\t3\nUid:\t1000\t0\t0\t0\nVmRSS:\t     400 kB\nThreads:\t2\n");
  put("proc/12/stat", "12 (sh) S 1 12 12 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 2 0 900 1000 100\n");
  put("proc/12/cmdline", std::string{"sh\0-c\0a b\0", 10});
  put("proc/5/status", "Name:\tkworker\nState:\tI (idle)\nUid:\t0\t0\t0\t0\nThreads:\t1\n");
  put("proc/5/stat", "5 (a) R 1) (b) I 1 0 0 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 1 0 0\n");   // a name is the process's own choice
  put("proc/5/cmdline", "");
  const auto seen = read();
  ASSERT_TRUE(seen) << seen.error().message;
  ASSERT_EQ(seen->size(), 2U) << "7 has ended";
  EXPECT_EQ((*seen)[0].pid, 5);
  EXPECT_EQ((*seen)[0].inside, 5);
  EXPECT_EQ((*seen)[0].command, "[kworker]");
  EXPECT_EQ((*seen)[0].cpu_ms, 30U);
  EXPECT_EQ((*seen)[0].resident_bytes, 0U);
  const ProcessInfo& shell = (*seen)[1];
  EXPECT_EQ(shell.pid, 12);
  EXPECT_EQ(shell.inside, 3);
  EXPECT_EQ(shell.uid, 1000U);
  EXPECT_EQ(shell.state, 'S');
  EXPECT_EQ(shell.threads, 2U);
  EXPECT_EQ(shell.cpu_ms, 2000U);
  EXPECT_EQ(shell.resident_bytes, 409600U);
  EXPECT_EQ(shell.command, "sh -c a b");
}

TEST_F(ProcessList, OfACgroupThatIsNotThereIsNotFound) {
  const auto seen = processes_of(root_ + "/none", root_ + "/proc");
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().code, Code::not_found);
}

}  // namespace
}  // namespace ubc::accounting

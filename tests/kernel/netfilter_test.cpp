// SPDX-License-Identifier: Apache-2.0
// numiptent on a real kernel: rules of nftables and entries of iptables, by the tools that people use, in a network namespace of the
// container's own.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/support/slot_process.h"

namespace ubc::test {
namespace {

class Numiptent : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_EQ(std::system("modprobe -a nf_tables x_tables ip_tables iptable_filter"), 0);
    attach_group(bpf::HookGroup::netfilter);
  }
};

/// A guest that obeys: each command runs in its namespaces, and its output is kept.
class Guest {
 public:
  Guest()
      : process_{guest(
            slot,
            [this] {
              (void)::setenv("XTABLES_LOCKFILE", path("lock").c_str(), 1);
              return obey();
            },
            CLONE_NEWNET)} {
    (void)::mkdir(path("").c_str(), 0777);
    (void)::chmod(path("").c_str(), 0777);
  }
  /// Exit status of the shell's command. -1: the guest did not answer.
  int run(const std::string& command) {
    std::ofstream{path("command")} << command << std::flush;
    (void)::rename(path("command").c_str(), path("run").c_str());
    const int wanted = *answers_ + 1;
    for (int tries = 0; tries < 6000 && *answers_ < wanted; ++tries) (void)::usleep(10'000);
    return *answers_ == wanted ? status_->load() : -1;
  }
  std::string said() const {
    std::ifstream file{path("said")};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  void end() {
    process_.kill();
    (void)process_.wait();
  }

  const std::uint32_t slot = fresh_slot();

 private:
  std::string path(const std::string& name) const { return "/tmp/ubc-numiptent-" + std::to_string(slot) + "/" + name; }
  int obey() {
    while (true) {
      if (::access(path("run").c_str(), F_OK) != 0) {
        (void)::usleep(5'000);
        continue;
      }
      const std::string quoted = "sh " + path("run") + " > " + path("said") + " 2>&1; s=$?; rm -f " + path("run") + "; exit $s";
      *status_ = WEXITSTATUS(std::system(quoted.c_str()));
      *answers_ = *answers_ + 1;
    }
  }

  Shared<std::atomic<int>> answers_, status_;
  Process process_;
};

TEST_F(Numiptent, ARuleOfNftablesIsAllowedAtTheLimitRefusedAboveItWithEnomemAndGivenBackWhenItIsGone) {
  Guest first, second;
  limit(first.slot, UBC_NUMIPTENT, 3, 5);
  limit(second.slot, UBC_NUMIPTENT, 3, 5);
  ASSERT_EQ(
      first.run("nft add table inet t && nft add chain inet t c && for i in 1 2 3 4 5; do nft add rule inet t c counter || exit 9; done"),
      0)
      << first.said();
  EXPECT_EQ(held(first.slot, UBC_NUMIPTENT), 5U);
  EXPECT_NE(first.run("nft add rule inet t c counter"), 0);
  EXPECT_NE(first.said().find("Cannot allocate memory"), std::string::npos) << first.said();
  EXPECT_EQ(failcnt(first.slot, UBC_NUMIPTENT), 1U);
  EXPECT_EQ(held(first.slot, UBC_NUMIPTENT), 5U);
  EXPECT_EQ(first.run("nft delete rule inet t c handle $(nft -a list chain inet t c | sed -n 's/.*handle \\([0-9]*\\)$/\\1/p' | tail -n1)"),
            0)
      << first.said();
  EXPECT_EQ(settled(first.slot, UBC_NUMIPTENT, 4), 4U);
  EXPECT_EQ(first.run("nft add rule inet t c counter"), 0) << "one fits again: " << first.said();
  EXPECT_NE(first.run("nft add rule inet t nowhere counter"), 0) << "there is no such chain";
  EXPECT_NE(first.run("nft add rule inet t c jump nowhere"), 0) << "a rule that fails once it is made";
  EXPECT_EQ(first.run("nft flush chain inet t c"), 0);
  EXPECT_EQ(settled(first.slot, UBC_NUMIPTENT, 0), 0U);
  EXPECT_EQ(maxheld(first.slot, UBC_NUMIPTENT), 5U);
  EXPECT_NE(first.run("{ for i in 1 2 3 4 5 6; do echo add rule inet t c counter; done; } | nft -f -"), 0) << "refused whole";
  EXPECT_EQ(held(first.slot, UBC_NUMIPTENT), 0U);
  EXPECT_EQ(first.run("{ for i in 1 2 3 4 5; do echo add rule inet t c counter; done; } | nft -f -"), 0) << first.said();
  EXPECT_EQ(held(first.slot, UBC_NUMIPTENT), 5U);
  EXPECT_EQ(second.run("nft add table inet t && nft add chain inet t c && nft add rule inet t c counter"), 0) << second.said();
  EXPECT_EQ(held(second.slot, UBC_NUMIPTENT), 1U);
  EXPECT_EQ(failcnt(second.slot, UBC_NUMIPTENT), 0U);
  first.end();
  EXPECT_EQ(settled(first.slot, UBC_NUMIPTENT, 0), 0U) << "its namespace went with its last process";
  EXPECT_EQ(held(second.slot, UBC_NUMIPTENT), 1U);
}

TEST_F(Numiptent, ATableOfIptablesCountsByItsEntriesAndOneThatGrowsOverTheLimitIsRefused) {
  Guest container;
  limit(container.slot, UBC_NUMIPTENT, 100, 100);
  ASSERT_EQ(container.run("iptables-legacy -w -A INPUT -j ACCEPT"), 0) << container.said();
  const std::uint64_t before = held(container.slot, UBC_NUMIPTENT);   // some kernels show the table's own four entries
  EXPECT_GE(before, 1U);
  EXPECT_LE(before, 5U);
  limit(container.slot, UBC_NUMIPTENT, before + 2, before + 2);
  EXPECT_EQ(container.run("iptables-legacy -w -A INPUT -j ACCEPT && iptables-legacy -w -A INPUT -j DROP"), 0) << container.said();
  EXPECT_EQ(held(container.slot, UBC_NUMIPTENT), before + 2);
  EXPECT_NE(container.run("iptables-legacy -w -A INPUT -j DROP"), 0);
  EXPECT_EQ(failcnt(container.slot, UBC_NUMIPTENT), 1U);
  EXPECT_EQ(container.run("iptables-legacy -w -D INPUT -j DROP"), 0) << "shrinking succeeds: " << container.said();
  EXPECT_EQ(held(container.slot, UBC_NUMIPTENT), before + 1);
  limit(container.slot, UBC_NUMIPTENT, 0, 0);
  EXPECT_EQ(container.run("iptables-legacy -w -R INPUT 1 -j DROP"), 0) << "what does not grow passes below held: " << container.said();
  EXPECT_EQ(container.run("iptables-legacy -w -F"), 0) << container.said();
  EXPECT_EQ(held(container.slot, UBC_NUMIPTENT), before - 1);
  container.end();
  EXPECT_EQ(settled(container.slot, UBC_NUMIPTENT, 0), 0U);
}

}  // namespace
}  // namespace ubc::test

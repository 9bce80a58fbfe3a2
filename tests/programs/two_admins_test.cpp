// SPDX-License-Identifier: Apache-2.0
// Several commands at once: each does all of its work or says in a line why not, and none leaves half of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::AnyOf;
using testing::Each;
using testing::MatchesRegex;

class TwoAdmins : public Guest {
 protected:
  void TearDown() override {
    for (const char* id : {"102", "103", "104"}) (void)ubctl("destroy " + std::string{id});
    Guest::TearDown();
    EXPECT_EQ(ubctl("doctor").output, "nothing was found\n");
  }
  /// All at the same time; "STATUS text" of each, in order.
  static std::string at_once(const std::vector<std::string>& commands) {
    std::string script = "cd /tmp; ";
    for (std::size_t i = 0; i < commands.size(); ++i)
      script += "{ said=$(" UBCTL " --quiet " + commands[i] + " 2>&1); echo \"$? $said\" > at-once-" + std::to_string(i) + "; } & ";
    return shell(script + "wait; cat at-once-*; rm at-once-*").output;
  }
  static std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> all;
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) all.push_back(text.substr(at, text.find('\n', at) - at));
    return all;
  }
};

TEST_F(TwoAdmins, OfOneContainerEachCommandDoesItsWorkOrSaysWhoIsAtIt) {
  create("--numproc 50");
  for (int round = 0; round < 4; ++round) {
    const auto said = lines(at_once({"start 101", "start 101", "set 101 --numproc 60 --save", "stop 101 --fast", "set 101 --numproc 70"}));
    ASSERT_EQ(said.size(), 5U);
    EXPECT_THAT(said,
                Each(AnyOf("0 ", "32 Container is already running", "31 Unable to apply UB parameters: container is not running",
                           MatchesRegex("0 WARNING: Settings were not saved.*|1 .*|9 Container already locked by (another command|pid "
                                        "[0-9]+, ubctl (start|set|stop) 101): wait for it, or see what it does|31 .*not running.*"))));
    const Ran after = ubctl("status 101");
    EXPECT_THAT(after.output, AnyOf("CTID 101 exist mounted running\n", "CTID 101 exist unmounted down\n"));
    EXPECT_EQ(ubctl("doctor").output, "nothing was found\n") << round;
    EXPECT_THAT(text_of("/etc/ubc/conf/101.conf"), testing::ContainsRegex("NUMPROC=\"(50|60)\"\n"));
    (void)ubctl("stop 101 --fast");
  }
}

TEST_F(TwoAdmins, ContainersMadeAtOnceAllHaveASlotOfTheirOwn) {
  const std::string made = at_once({"create 101 --ostemplate busybox", "create 102 --ostemplate busybox", "create 103 --ostemplate busybox",
                                    "create 104 --ostemplate busybox"});
  EXPECT_EQ(made, "0 \n0 \n0 \n0 \n");
  EXPECT_EQ(shell("cat /var/lib/ubc/private/10[1-4]/slot | sort").output, "1\n2\n3\n4\n");
}

/// Weakness: two guests with one range of ids (CWE-282). Whose container lives sees the slots of all others meanwhile.
TEST_F(TwoAdmins, WhoComesWhileOthersGoSharesNobodysIds) {
  const std::string admin = "admin() { for round in 1 2 3 4 5; do for own in $1 $2; do " UBCTL
                            " --quiet create $own --ostemplate busybox || echo no $own; mine=$(cat /var/lib/ubc/private/$own/slot); for "
                            "other in 101 102 103 104; do "
                            "[ $other = $own ] || [ \"$(cat /var/lib/ubc/private/$other/slot 2>/dev/null)\" != $mine ] || echo $own has "
                            "the slot of $other; done; done; " UBCTL " --quiet destroy $2; " UBCTL " --quiet destroy $1; done; }; ";
  EXPECT_EQ(shell(admin + "admin 101 102 & admin 103 104 & wait").output, "");
  EXPECT_EQ(shell("ls /var/lib/ubc/private").output, "");
}

TEST_F(TwoAdmins, OfTwoThatMakeOneContainerOneIsFirst) {
  const auto said = lines(at_once({"create 101 --ostemplate busybox --numproc 51", "create 101 --ostemplate busybox --numproc 52"}));
  ASSERT_EQ(said.size(), 2U);
  const std::size_t first = said[0] == "0 " ? 0 : 1;
  EXPECT_EQ(said[first], "0 ");
  EXPECT_THAT(said[1 - first], MatchesRegex("9 Container already locked by .*|44 container 101 exists already: destroy it first, .*"));
  EXPECT_EQ(field("101", "numproc.l"), first == 0 ? "51" : "52");
}

}  // namespace
}  // namespace ubc::test

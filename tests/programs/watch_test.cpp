// SPDX-License-Identifier: Apache-2.0
// What an admin has done besides a refusal, by ubctl watch; and a container that is suspended and goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Suspend : public Guest {};

constexpr const char* kCount = "wc -c </var/lib/ubc/private/101/upper/count";

TEST_F(Suspend, StopsAGuestWhereItIsUntilItIsResumed) {
  create();
  start();
  EXPECT_EQ(ubctl("exec 101 'while :; do echo more >> /count; done' </dev/null >/dev/null 2>&1 &").status, 0);
  for (int tries = 0; tries < 600 && shell(kCount).status != 0; ++tries) (void)::usleep(20'000);
  EXPECT_EQ(ubctl("suspend 101").output, "Container was suspended\n");
  EXPECT_EQ(ubctl("status 101").output, "CTID 101 exist mounted suspended\n");
  EXPECT_EQ(field("101", "status"), "suspended");
  const std::string then = shell(kCount).output;
  (void)::usleep(300'000);
  EXPECT_EQ(shell(kCount).output, then);
  const Ran again = ubctl("suspend 101");
  EXPECT_EQ(again.status, 32) << again.output;
  EXPECT_THAT(again.output, HasSubstr("Container 101 is suspended already: ubctl resume 101 lets it go on"));
  EXPECT_EQ(ubctl("resume 101").output, "Container was resumed\n");
  for (int tries = 0; tries < 600 && shell(kCount).output == then; ++tries) (void)::usleep(20'000);
  EXPECT_NE(shell(kCount).output, then);
  EXPECT_EQ(ubctl("resume 101").status, 32);
  EXPECT_EQ(ubctl("suspend 101").status, 0);
  const Ran stopped = ubctl("stop 101");   // its init hears the signal: it was let go on
  EXPECT_EQ(stopped.status, 0);
  EXPECT_THAT(stopped.output, Not(HasSubstr("killed")));
  EXPECT_EQ(ubctl("suspend 101").status, 31);
}

class Watch : public Guest {
 protected:
  void SetUp() override {
    (void)shell("rm -f /tmp/watch.log /tmp/told /tmp/posted");
    ASSERT_EQ(
        shell(
            "printf '#!/bin/sh\\nenv | grep ^UBC_ | sort > /tmp/told.new; mv /tmp/told.new /tmp/told\\n' > /tmp/tell; chmod 755 /tmp/tell")
            .status,
        0);
  }
  void TearDown() override {
    (void)shell("kill $(cat /tmp/watch.pid); wait");
    Guest::TearDown();
  }
  static void watch() { (void)shell(std::string{UBCTL} + " watch > /tmp/watch.log 2>&1 & echo $! > /tmp/watch.pid"); }
  static std::string wait_for(const std::string& file, const std::string& text) {
    std::string seen;
    for (int tries = 0; tries < 1500 && seen.find(text) == std::string::npos; ++tries) {
      seen = text_of(file);
      (void)::usleep(20'000);
    }
    return seen;
  }
};

TEST_F(Watch, AFirstRefusalIsLoggedToldToAProgramAndPostedAndItsOffenderGetsTheSignal) {
  (void)shell("(printf 'HTTP/1.0 204 none\\r\\n\\r\\n' | busybox nc -l -p 8099 > /tmp/posted) > /dev/null 2>&1 &");
  create(
      "--name web --numfile 40 --actions 'numfile:refusal:log numfile:refusal:exec=/tmp/tell numfile:refusal:post=http://127.0.0.1:8099/x "
      "numfile:refusal:signal=TERM'");
  put_probe();
  start();
  watch();
  EXPECT_THAT(wait_for("/tmp/watch.log", ""), Not(HasSubstr("not")));
  (void)::sleep(1);
  EXPECT_EQ(shell("timeout 60 " UBCTL " exec2 101 exec /probe hoard").status, 128 + SIGTERM);
  EXPECT_THAT(wait_for("/tmp/watch.log", "refused: "), HasSubstr("web          numfile"));
  EXPECT_THAT(wait_for("/tmp/told", "UBC_RESOURCE"), HasSubstr("UBC_CTID=101\n"));
  EXPECT_THAT(text_of("/tmp/told"), HasSubstr("UBC_OCCASION=refusal\n"));
  const std::string posted = wait_for("/tmp/posted", "}");
  EXPECT_THAT(posted, HasSubstr("POST /x HTTP/1.1"));
  EXPECT_THAT(posted, HasSubstr("\"resource\":\"numfile\""));
  EXPECT_THAT(wait_for("/tmp/watch.log", "done: "), Not(HasSubstr("not done")));
}

TEST_F(Watch, AMarkFreezesAContainerAndTellsWhatItHolds) {
  create("--numproc 20:20 --actions 'numproc:50%:freeze numproc:50%:exec=/tmp/tell'");
  start();
  watch();
  // Not waited for: the freeze can come between two of its forks, and what is frozen never ends.
  (void)ubctl("exec 101 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1000 & done' </dev/null >/dev/null 2>&1 &");
  EXPECT_THAT(wait_for("/tmp/told", "UBC_RESOURCE"), HasSubstr("UBC_OCCASION=mark\nUBC_PERCENT=50\n"));
  EXPECT_THAT(wait_for("/tmp/watch.log", "done: "), HasSubstr("done: container 101 has come to 50% of numproc: 1"));
  EXPECT_EQ(ubctl("status 101").output, "CTID 101 exist mounted suspended\n");
}

TEST_F(Watch, AnActionThatIsWrongIsRefusedAndChangesNothing) {
  create("--numproc 20:20");
  const Ran wrong = ubctl("set 101 --actions numproc:sometimes:log --save");
  EXPECT_EQ(wrong.status, 21);
  EXPECT_THAT(wrong.output, HasSubstr("\"sometimes\" is not a time: say refusal, barrier, or a mark of 1% to 100%"));
  EXPECT_EQ(shell("grep ACTIONS /etc/ubc/conf/101.conf").output, "");
}

}  // namespace
}  // namespace ubc::test

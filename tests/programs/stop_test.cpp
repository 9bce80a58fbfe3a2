// SPDX-License-Identifier: Apache-2.0
// How a guest ends: its init is asked in its own language, and killed with all it has when it does not hear.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kUpper = "/var/lib/ubc/private/101/upper";

class Stop : public Guest {};

TEST_F(Stop, BusyboxInitRunsItsShutdownLines) {
  create();
  const std::string upper = kUpper;
  (void)shell("mkdir " + upper + "/etc; printf '::sysinit:/etc/rc\\n::once:/bin/touch /up\\n::shutdown:/bin/touch /was-asked\\n' > " +
              upper + "/etc/inittab");
  start();
  for (int tries = 0; tries < 6000 && ::access((upper + "/up").c_str(), F_OK) != 0; ++tries) (void)::usleep(20'000);
  const Ran stopped = ubctl("stop 101");
  EXPECT_EQ(stopped.status, 0);
  EXPECT_THAT(stopped.output, Not(HasSubstr("killed")));
  EXPECT_EQ(::access((upper + "/was-asked").c_str(), F_OK), 0);
}

TEST_F(Stop, AnInitThatDoesNotEndIsKilledWhenTheTimeIsOver) {
  create("--init '/probe deaf' --stop-timeout 1");
  put_probe();
  start();
  EXPECT_EQ(shell("until grep -q '^SigCgt:.*4...$' /proc/$(cat /sys/fs/cgroup/ubc/101/guest/cgroup.procs)/status; do :; done").status, 0);
  const Ran stopped = ubctl("stop 101");
  EXPECT_EQ(stopped.status, 0);
  EXPECT_THAT(stopped.output, HasSubstr("did not end within 1 s of signal 15: killed"));
  EXPECT_EQ(ubctl("status 101").output, "CTID 101 exist unmounted down\n");
  start();
  const Ran fast = ubctl("stop 101 --fast");
  EXPECT_EQ(fast.status, 0);
  EXPECT_THAT(fast.output, Not(HasSubstr("did not end")));
}

TEST_F(Stop, AnInitWithoutHandlersIsKilledAtOnceAndSaidSo) {
  create("--init '/bin/sleep 100000'");
  start();
  const Ran stopped = ubctl("stop 101");
  EXPECT_EQ(stopped.status, 0);
  EXPECT_THAT(stopped.output, HasSubstr("hears no signal"));
}

class Systemd : public DebianGuest {};

TEST_F(Systemd, IsAskedWithItsOwnSignalAndStopsItsUnits) {
  ASSERT_EQ(ubctl("create 101 --ostemplate debian-12").status, 0);
  start();
  const Ran unit = ubctl(
      "exec2 101 'printf \"[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true\\n"
      "ExecStop=/bin/touch /was-asked\\n\" > /etc/systemd/system/witness.service'");
  ASSERT_EQ(unit.status, 0) << unit.output;
  await_systemd();
  EXPECT_EQ(ubctl("exec2 101 systemctl start witness").output, "");
  const Ran account = shell("echo secret | " UBCTL " set 101 --userpasswd joe:-");
  EXPECT_EQ(account.output, "Password of joe was set\n");
  EXPECT_EQ(ubctl("exec2 101 'grep -c ^joe:.y /etc/shadow; ls -d /home/joe'").output, "1\n/home/joe\n");
  const Ran stopped = ubctl("stop 101");
  EXPECT_EQ(stopped.status, 0);
  EXPECT_THAT(stopped.output, Not(HasSubstr("killed")));
  EXPECT_EQ(::access((std::string{kUpper} + "/was-asked").c_str(), F_OK), 0) << "its units were not stopped";
  EXPECT_EQ(field("101", "numproc"), "-");
  start();
  const Ran fast = ubctl("stop 101 --fast");
  EXPECT_EQ(fast.status, 0) << fast.output;
  EXPECT_EQ(field("101", "numproc"), "-");
}

}  // namespace
}  // namespace ubc::test

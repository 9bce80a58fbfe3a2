// SPDX-License-Identifier: Apache-2.0
// A guest's /proc/meminfo and the like, where the host runs the real lxcfs, where it has died or hangs, and where there is none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kMemTotal = "sed -n 's/^MemTotal: *//p' /proc/meminfo";

class Lxcfs : public Guest {
 protected:
  static void SetUpTestSuite() {
    Guest::SetUpTestSuite();
    (void)shell("modprobe -q fuse; mkdir -p /var/lib/lxcfs");
  }
  void TearDown() override {
    Guest::TearDown();
    end();
  }
  static void begin() {
    (void)shell("setsid lxcfs /var/lib/lxcfs </dev/null >/dev/null 2>&1 &");
    for (int tries = 0; tries < 500 && shell("head -c1 /var/lib/lxcfs/proc/uptime").status != 0; ++tries) (void)::usleep(20'000);
    ASSERT_EQ(shell("head -c1 /var/lib/lxcfs/proc/uptime").status, 0) << "lxcfs does not come up";
  }
  static void end() { (void)shell("kill -9 $(cat /run/lxcfs.pid 2>/dev/null); rm -f /run/lxcfs.pid; umount -l /var/lib/lxcfs"); }
  static std::string inside(const std::string& command) { return ubctl("exec2 101 \"" + command + "\"").output; }
};

TEST_F(Lxcfs, AGuestSeesItsOwnMemoryCpusAndUptimeAndCanNotTakeThatOff) {
  begin();
  create("--ram 256M --swap 128M --cpumask 1");
  start();
  EXPECT_EQ(inside(kMemTotal), "262144 kB\n");
  EXPECT_EQ(inside("grep -c ^processor /proc/cpuinfo"), "1\n");
  EXPECT_EQ(inside("grep -c '^cpu[0-9]' /proc/stat"), "1\n");
  EXPECT_LT(std::stod(inside("cat /proc/uptime")) + 10, std::stod(text_of("/proc/uptime"))) << "since its own start";
  EXPECT_EQ(ubctl("set 101 --ram 300M").status, 0);
  EXPECT_EQ(inside(kMemTotal), "307200 kB\n") << "a live change";
  for (const char* name : {"cpuinfo", "diskstats", "loadavg", "meminfo", "stat", "swaps", "uptime"}) {
    EXPECT_EQ(inside(std::string{"head -c1 /proc/"} + name + " | wc -c"), "1\n") << name;
    EXPECT_NE(ubctl(std::string{"exec2 101 umount /proc/"} + name).status, 0) << name;
    EXPECT_NE(ubctl(std::string{"exec2 101 'echo 1 > /proc/"} + name + "'").status, 0) << name;
  }
  EXPECT_NE(shell(kMemTotal).output, "307200 kB\n") << "the host sees itself";
}

TEST_F(Lxcfs, WhenItDiesTheGuestReadsAnErrorAtOnceAndDoctorGivesItTheNextOnes) {
  begin();
  create("--ram 256M --swap 0");
  start();
  ASSERT_EQ(shell("kill -9 $(cat /run/lxcfs.pid)").status, 0);
  const Ran dead = ubctl("exec2 101 cat /proc/meminfo");
  EXPECT_NE(dead.status, 0);
  EXPECT_THAT(dead.output, testing::AnyOf(HasSubstr("not connected"), HasSubstr("connection abort"))) << "neither old numbers nor a wait";
  EXPECT_EQ(inside("echo works"), "works\n");
  const Ran seen = ubctl("doctor");
  EXPECT_EQ(seen.status, 1);
  EXPECT_THAT(seen.output, StartsWith("container 101 can't read its /proc/uptime: read /proc/"));
  end();
  EXPECT_THAT(ubctl("doctor --repair").output,
              HasSubstr("lxcfs is not mounted at /var/lib/lxcfs: start it and say ubctl doctor --repair, or restart the container\n"));
  begin();
  EXPECT_THAT(ubctl("doctor --repair").output, HasSubstr(": cleared\n"));
  EXPECT_EQ(inside(kMemTotal), "262144 kB\n");
  EXPECT_EQ(ubctl("doctor").output, "nothing was found\n");
}

TEST_F(Lxcfs, AStartGoesOnWithoutOneThatIsDeadOrHangsAndSaysSo) {
  begin();
  ASSERT_EQ(shell("kill -STOP $(cat /run/lxcfs.pid)").status, 0);
  create("--ram 256M --swap 0");
  const Ran hung = ubctl("--quiet start 101");
  EXPECT_EQ(hung.status, 0);
  EXPECT_EQ(
      hung.output,
      "WARNING: its /proc/meminfo and the like say the host's numbers: lxcfs: read /var/lib/lxcfs/proc/uptime: no answer within 2 s\n");
  EXPECT_EQ(inside(kMemTotal), shell(kMemTotal).output);
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  ASSERT_EQ(shell("kill -9 $(cat /run/lxcfs.pid)").status, 0);
  const Ran dead = ubctl("--quiet start 101");
  EXPECT_EQ(dead.status, 0);
  EXPECT_THAT(dead.output, StartsWith("WARNING: its /proc/meminfo and the like say the host's numbers: lxcfs: "));
  EXPECT_EQ(inside(kMemTotal), shell(kMemTotal).output);
}

TEST_F(Lxcfs, AHostWithoutItWorksAndSaysNothingOfIt) {
  create("--ram 256M --swap 0");
  const Ran started = ubctl("--quiet start 101");
  EXPECT_EQ(started.status, 0);
  EXPECT_EQ(started.output, "");
  EXPECT_EQ(inside(kMemTotal), shell(kMemTotal).output);
}

}  // namespace
}  // namespace ubc::test

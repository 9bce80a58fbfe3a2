// SPDX-License-Identifier: Apache-2.0
// create, start, exec, set, show, stop, destroy on busybox guests; bad input; ubctl killed at each stage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <fstream>
#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;

TEST_F(Guest, LivesFromCreateToDestroyAndStatusSaysEachState) {
  EXPECT_EQ(ubctl("status 101").output, "CTID 101 deleted unmounted down\n");
  create("--name web --hostname web1");
  EXPECT_EQ(ubctl("status web").output, "CTID 101 exist unmounted down\n");
  start();
  EXPECT_EQ(ubctl("status 101").output, "CTID 101 exist mounted running\n");
  EXPECT_EQ(ubctl("start 101").status, 32);
  EXPECT_EQ(ubctl("destroy 101").status, 32);
  EXPECT_EQ(ubctl("exec 101 hostname").output, "web1\n");
  EXPECT_EQ(ubctl("exec2 101 exit 7").status, 7);
  EXPECT_EQ(ubctl("exec 101 exit 7").status, 8);
  const Ran stopped = ubctl("stop 101");
  EXPECT_EQ(stopped.status, 0);
  EXPECT_THAT(stopped.output, HasSubstr("Container was stopped"));
  EXPECT_EQ(ubctl("stop 101").output, "Unable to stop: container is not running\n");
  EXPECT_EQ(ubctl("exec 101 true").status, 31);
  EXPECT_EQ(ubctl("restart 101").status, 0);
}

TEST_F(Guest, ForksAboveNumprocAreRefusedWithEnomemAndALiveRaiseLetsThemPass) {
  create("--numproc 10");
  start();
  const std::string twelve = "exec2 101 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 2 & done; wait; echo all'";
  EXPECT_THAT(ubctl(twelve).output, HasSubstr("Cannot allocate memory"));
  EXPECT_NE(field("101", "numproc.f"), "0");
  EXPECT_EQ(field("101", "numproc.m"), "10");
  (void)shell("sleep 3");
  EXPECT_EQ(ubctl("set 101 --numproc 40:50").status, 0);
  const Ran passed = ubctl(twelve);
  EXPECT_EQ(passed.status, 0);
  EXPECT_THAT(passed.output, HasSubstr("all"));
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  EXPECT_EQ(ubctl("start 101").status, 0);
  EXPECT_EQ(field("101", "numproc"), "1") << "held started from what was left";
}

TEST_F(Guest, WhyNamesTheProgramTheCallAndTheCureAndTheCureWorks) {
  create("--numfile 60 --name web");
  start();
  EXPECT_EQ(ubctl("why web").output, "Container 101 was refused nothing.\n");
  const std::string hog = "exec2 101 'i=10; while [ $i -lt 90 ]; do eval \"exec $i</dev/null\" || exit 3; i=$((i+1)); done'";
  EXPECT_NE(ubctl(hog).status, 0);
  const Ran told = ubctl("why web numfile");
  EXPECT_EQ(told.status, 0);
  EXPECT_THAT(told.output, HasSubstr(" to sh (pid "));
  EXPECT_THAT(told.output, HasSubstr(", uid 0 inside) by open"));
  EXPECT_THAT(told.output, HasSubstr("1 more at 60 held, barrier 60, limit 60."));
  EXPECT_THAT(ubctl("events 101 --json").output,
              HasSubstr("\"ctid\":101,\"name\":\"web\",\"resource\":\"numfile\",\"amount\":1,\"held\":60"));
  EXPECT_THAT(ubctl("events").output, HasSubstr("numfile"));
  EXPECT_EQ(ubctl("why 101 numfil").output, "Unknown resource numfil (did you mean numfile?): ubctl features lists them\n");
  const std::size_t cure = told.output.find("ubctl set ");
  ASSERT_NE(cure, std::string::npos);
  EXPECT_EQ(ubctl(told.output.substr(cure + 6, told.output.find('\n', cure) - cure - 6)).status, 0);
  EXPECT_EQ(ubctl("list -a -H -o numfile.b 101").output.find("77") == std::string::npos, false);
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  EXPECT_THAT(ubctl("show 101 --last --failed").output, HasSubstr("numfile"));
  EXPECT_THAT(ubctl("why 101").output, HasSubstr("numfile: refused"));
  EXPECT_EQ(ubctl("start 101").status, 0);
  EXPECT_EQ(ubctl("why web").output, "Container 101 was refused nothing.\n") << "a new run starts with a clean sheet";
}

TEST_F(Guest, SetSavesInPlaceAndKeepsWhatItDoesNotKnow) {
  create();
  {
    std::ofstream{"/etc/ubc/conf/101.conf", std::ios::app} << "# a comment\nSOMETHING_ELSE=\"kept\"\nNUMFILE=\"10\"\n";
  }
  EXPECT_EQ(ubctl("set 101 --numfile 300:400 --privvmpages 64M:72M --save").status, 0);
  const std::string config = text_of("/etc/ubc/conf/101.conf");
  EXPECT_THAT(config, HasSubstr("# a comment\nSOMETHING_ELSE=\"kept\"\nNUMFILE=\"300:400\"\n"));
  EXPECT_THAT(config, HasSubstr("PRIVVMPAGES=\"16384:18432\"\n"));
  EXPECT_THAT(ubctl("set 101 --numfile 300:400 --save").output, HasSubstr("No changes in CT configuration, not saving"));
  EXPECT_THAT(ubctl("set 101 --numfile 5 --dry-run").output, HasSubstr("numfile: 300:400 -> 5"));
  EXPECT_EQ(text_of("/etc/ubc/conf/101.conf"), config);
  EXPECT_EQ(ubctl("set 101 --numfile 5").status, 31) << "not running and not saved";
}

TEST_F(Guest, BadInputIsOneSentenceAndChangesNothing) {
  create("--numproc 20");
  const std::string config = text_of("/etc/ubc/conf/101.conf");
  const struct {
    const char* arguments;
    int status;
    const char* says;
  } cases[] = {
      {"set 101 --numprok 5 --save", 21, "numprok"},
      {"set 101 --numproc 9:5 --save", 21, "barrier is over the limit"},
      {"set 101 --numproc 1K --save", 21, "whole number"},
      {"set 101 --physpages 12Q --save", 21, "Bad parameter"},
      {"set 101 --numproc -3 --save", 21, "numproc"},
      {"create 101 --ostemplate busybox", 44, "exists already"},
      {"create 105 --ostemplate nothing", 91, "nothing"},
      {"start 999", 14, "there is no container 999"},
      {"exec 0 true", 21, "Bad CT ID"},
      {"frobnicate 101", 20, "Bad command: frobnicate"},
      {"list -o numprc", 21, "did you mean numproc"},
      {"set nobody --numproc 1", 14, "no container named nobody"},
  };
  for (const auto& each : cases) {
    const Ran ran = ubctl(each.arguments);
    EXPECT_EQ(ran.status, each.status) << each.arguments << ": " << ran.output;
    EXPECT_THAT(ran.output, HasSubstr(each.says)) << each.arguments;
  }
  EXPECT_EQ(text_of("/etc/ubc/conf/101.conf"), config);
  EXPECT_NE(shell("test -e /var/lib/ubc/private/105").status, 0);
}

TEST_F(Guest, ABrokenConfigurationLineStopsTheStartAndNamesItself) {
  create();
  {
    std::ofstream{"/etc/ubc/conf/101.conf", std::ios::app} << "NUMFILE=\"lots\"\n";
  }
  const Ran started = ubctl("start 101");
  EXPECT_EQ(started.status, 21);
  EXPECT_THAT(started.output, HasSubstr("NUMFILE"));
  EXPECT_EQ(ubctl("status 101").output, "CTID 101 exist unmounted down\n");
}

TEST_F(Guest, UbctlKilledAtAnyStageOfStartIsMendedByTheNextStart) {
  create();
  for (const std::string stage : {"start:record", "start:cgroups", "start:limits", "launch:cloned", "launch:overlay", "launch:root",
                                  "launch:mounts", "launch:guest", "start:launched"}) {
    EXPECT_NE(shell("UBC_FAULT=" + stage + " " + UBCTL + " start 101").status, 0) << stage;
    const Ran again = ubctl("start 101");
    EXPECT_EQ(again.status, 0) << stage << ": " << again.output;
    EXPECT_EQ(ubctl("exec 101 echo alive").output, "alive\n") << stage;
    EXPECT_EQ(ubctl("stop 101 --fast").status, 0) << stage;
  }
}

TEST_F(Guest, UbctlKilledWhileCreatingStoppingAndDestroyingIsMendedByTheNextCommand) {
  EXPECT_NE(shell(std::string{"UBC_FAULT=create:area "} + UBCTL + " create 101 --ostemplate busybox").status, 0);
  EXPECT_EQ(ubctl("destroy 101").status, 0);
  create();
  for (const std::string stage : {"stop:asked", "stop:killed"}) {
    start();
    EXPECT_NE(shell("UBC_FAULT=" + stage + " " + UBCTL + " stop 101 --fast").status, 0) << stage;
    (void)ubctl("stop 101 --fast");
    EXPECT_EQ(ubctl("status 101").output, "CTID 101 exist unmounted down\n") << stage;
  }
  EXPECT_NE(shell(std::string{"UBC_FAULT=destroy:area "} + UBCTL + " destroy 101").status, 0);
  EXPECT_EQ(ubctl("destroy 101").status, 0);
}

TEST_F(Guest, GuestRootCannotUnmaskMakeDevicesRaiseItsLimitsOrSeeTheHost) {
  create();
  start();
  const struct {
    const char* command;
    bool succeeds;
  } cases[] = {
      {"umount /proc/kcore", false},
      {"mount -o remount,bind,rw /sys", false},
      {"mount -t proc proc /mnt", false},
      {"mknod /x c 1 3", false},
      {"echo x > /proc/sys/kernel/modprobe", false},
      {"echo x > /proc/sys/kernel/core_pattern", false},
      {"echo b > /proc/sysrq-trigger && test -s /proc/sysrq-trigger", false},
      {"echo max > /sys/fs/cgroup/memory.max", false},
      {"test $(cat /proc/self/cgroup) = 0::/../exec", true},
      {"test $(ls /proc/self/fd | wc -l) -le 4", true},
      {"grep -q '^CapInh:.0000000000000000' /proc/self/status", true},
      {"grep -q private /proc/self/mountinfo", false},
      {"ping -c1 -w2 127.0.0.1 >/dev/null", true},
      {"touch /tmp/mine && echo 1 > /dev/null", true},
  };
  for (const auto& each : cases)
    EXPECT_EQ(ubctl(std::string{"exec2 101 '"} + each.command + "'").status == 0, each.succeeds) << each.command;
}

TEST_F(Guest, RawShowsTheClassicTable) {
  create("--numproc 20:30");
  const std::string raw = ubctl("show 101 --raw").output;
  EXPECT_TRUE(raw.starts_with(
      "Version: 2.5\n"
      "       uid  resource                     held              maxheld              barrier                limit              failcnt\n"
      "      101:  kmemsize                        0                    0  9223372036854775807  9223372036854775807                    "
      "0\n"))
      << raw;
  EXPECT_THAT(raw, HasSubstr("            numproc                         0                    0                   20                   30 "
                             "                   0\n"));
}

}  // namespace
}  // namespace ubc::test

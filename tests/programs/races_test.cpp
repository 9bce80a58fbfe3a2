// SPDX-License-Identifier: Apache-2.0
// A hostile guest that changes things while a command of the host looks at them, and what it finds of those that come in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

constexpr const char* kUpper = "/var/lib/ubc/private/101/upper";

class Races : public Guest {
 protected:
  void TearDown() override {
    (void)ubctl("stop 102 --fast");
    (void)ubctl("destroy 102");
    Guest::TearDown();
    (void)shell("rm -rf /run/shared /run/canary /run/other /tmp/outside /tmp/copied");
  }
  static bool appears(const std::string& path) {
    for (int tries = 0; tries < 3000 && ::access(path.c_str(), F_OK) != 0; ++tries) (void)::usleep(10'000);
    return ::access(path.c_str(), F_OK) == 0;
  }
  /// A program of the guest's that runs until its /stop is there.
  static void begin(const std::string& what, const std::string& mark) {
    (void)ubctl("exec2 101 '/probe " + what + "' >/dev/null 2>&1 </dev/null &");
    ASSERT_TRUE(appears(kUpper + mark)) << what;
  }
  static void end() { EXPECT_EQ(ubctl("exec2 101 touch /stop").status, 0); }
  /// Names, owners, modes and texts of what must not change, and the host's mounts.
  static std::string hosts_things() {
    return shell("find /run/canary -printf '%p %U %m %y\\n' | sort; cat /run/canary/secret; sed 's/^[0-9]* [0-9]* //' /proc/self/mountinfo")
        .output;
  }
  /// 101 has a directory of the host's that is its own, and 102 what `binds` says.
  static void share(const std::string& binds) {
    ASSERT_EQ(shell("mkdir -p /run/shared/dir /run/canary /run/other; chown 268500992 /run/shared /run/shared/dir; "
                    "echo secret > /run/canary/secret; ln -s /run/canary /run/shared/link; chown -h 268500992 /run/shared/link")
                  .status,
              0);
    create("--bindmount_add /run/shared:/shared");
    put_probe();
    ASSERT_EQ(ubctl("create 102 --ostemplate busybox " + binds).status, 0);
    start();
    begin("swap /shared/dir /shared/link made", "/swapping");
  }
};

/// Weakness: a process that comes in still has what is the host's, and lets itself be looked into (CVE-2016-9962).
TEST_F(Races, WhoComesIntoAGuestLetsNobodyThereLookIntoIt) {
  create();
  put_probe();
  start();
  (void)ubctl("exec2 101 'sleep 1000' >/dev/null 2>&1 </dev/null &");   // who can be looked into
  begin("peek", "/peeking");
  for (int i = 0; i < 40; ++i) EXPECT_EQ(ubctl("exec2 101 true").status, 0);
  EXPECT_EQ(ubctl("set 101 --hostname other").status, 0) << "who acts inside without running a program";
  end();
  ASSERT_TRUE(appears(std::string{kUpper} + "/peeked"));
  long met = 0, traced = 0, named = 0, read = 0, own = 0;
  const std::string peeked = text_of(std::string{kUpper} + "/peeked");
  ASSERT_EQ(std::sscanf(peeked.c_str(), "%ld %ld %ld %ld %ld", &met, &traced, &named, &read, &own), 5) << peeked;
  EXPECT_GT(met, 10) << "it was never there to be looked into";
  EXPECT_GT(own, 10) << "whoever looks sees nothing at all";
  EXPECT_EQ(traced, 0);
  EXPECT_EQ(named, 0);
  EXPECT_EQ(read, 0);
}

/// Weakness: the source of a mount that becomes a link between two looks at it (CVE-2017-1002101).
TEST_F(Races, ADirectoryThatAnotherGuestSwapsForALinkBringsNothingElseIn) {
  share("--bindmount_add /run/shared/dir:/mnt/dir");
  const std::string before = hosts_things();
  int up = 0, refused = 0;
  for (int i = 0; i < 12 && (up < 2 || refused < 2); ++i) {
    const Ran started = ubctl("start 102");
    ++(started.status == 0 ? up : refused);
    if (started.status != 0) {
      EXPECT_THAT(started.output, HasSubstr("/run/shared/dir of the host is, or lies behind, a symbolic link"));
      continue;
    }
    EXPECT_NE(ubctl("exec2 102 cat /mnt/dir/secret").status, 0) << "the host's own directory was bound";
    EXPECT_EQ(ubctl("stop 102 --fast").status, 0);
  }
  end();
  EXPECT_GT(up, 0);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(hosts_things(), before);
}

/// Weaknesses: a mount's target, or the directory that is made for it, behind a name that becomes a link (CVE-2021-30465, CVE-2024-45310).
TEST_F(Races, AMountPointThatAnotherGuestSwapsForALinkIsNeitherMountedOnNorMadeElsewhere) {
  share("--bindmount_add /run/canary:/run/canary --bindmount_add /run/shared:/shared --bindmount_add /run/other:/shared/dir/made");
  const std::string before = hosts_things();
  int up = 0, refused = 0;
  for (int i = 0; i < 15; ++i) {
    const Ran started = ubctl("start 102");
    ++(started.status == 0 ? up : refused);
    if (started.status != 0) {
      EXPECT_THAT(started.output, AnyOf(HasSubstr("a symbolic link"), HasSubstr("No such file or directory"), HasSubstr("File exists")));
      continue;
    }
    EXPECT_EQ(ubctl("exec2 102 'ls /run/canary'").output, "secret\n");
    EXPECT_EQ(ubctl("stop 102 --fast").status, 0);
  }
  end();
  EXPECT_GT(refused, 0) << "nothing was swapped in time";
  EXPECT_EQ(hosts_things(), before);
}

/// Weakness: a path in a guest that leads out of it while the host copies (CVE-2018-15664).
TEST_F(Races, ACopyInOrOutNeverTouchesTheHostsOwnFiles) {
  create();
  put_probe();
  start();
  ASSERT_EQ(shell("mkdir -p /tmp/outside; echo of-the-host-7117 > /tmp/outside/file; echo mine > /tmp/copied").status, 0);
  ASSERT_EQ(ubctl("exec2 101 'mkdir /dir; echo guest > /dir/file; ln -s ../../../../../tmp/outside /link'").status, 0);
  begin("swap /dir /link none", "/swapping");
  int out = 0, in = 0;
  for (int i = 0; i < 8; ++i) {
    (void)shell("rm -f /tmp/outside/out");
    if (ubctl("cp 101:/dir/file /tmp/outside/out").status == 0) {
      ++out;
      EXPECT_THAT(text_of("/tmp/outside/out"), AnyOf("guest\n", "mine\n"));
    }
    in += ubctl("cp /tmp/copied 101:/dir/file").status == 0 ? 1 : 0;
  }
  end();
  EXPECT_GT(out, 0);
  EXPECT_GT(in, 0);
  EXPECT_EQ(shell("rm -f /tmp/outside/out; ls /tmp/outside; cat /tmp/outside/file").output, "file\nof-the-host-7117\n");
}

/// Weakness: sockets of the host's without a name in any file system (CVE-2020-15257).
TEST_F(Races, AnAbstractSocketOfTheHostIsNotThereForAGuest) {
  create();
  put_probe();
  start();
  (void)shell("rm -f /run/listening; " PROBE " listen ubc-test >/dev/null 2>&1 </dev/null & echo $! > /run/listener");
  ASSERT_TRUE(appears("/run/listening"));
  EXPECT_EQ(shell(PROBE " connect ubc-test").output, "ok\n");
  EXPECT_EQ(ubctl("exec2 101 /probe connect ubc-test").output, "Connection refused\n");
  (void)shell("kill $(cat /run/listener); rm /run/listener /run/listening");
}

/// Weakness: two guests with one range of ids (CWE-282), by what one of them can do to the other's file.
TEST_F(Races, AFileOfOneGuestIsNobodysToAnother) {
  ASSERT_EQ(shell("mkdir -p /run/shared; chmod 1777 /run/shared").status, 0);
  create("--bindmount_add /run/shared:/shared");
  ASSERT_EQ(ubctl("create 102 --ostemplate busybox --bindmount_add /run/shared:/shared").status, 0);
  start();
  ASSERT_EQ(ubctl("start 102").status, 0);
  ASSERT_EQ(ubctl("exec2 101 'echo own > /shared/file; chmod 600 /shared/file; stat -c %u /shared/file'").output, "0\n");
  EXPECT_EQ(ubctl("exec2 102 stat -c %u:%g /shared/file").output, "65534:65534\n");
  EXPECT_EQ(ubctl("exec2 102 'for act in \"cat\" \"rm -f\" \"chmod 666\" \"chown 0\" \"touch\"; do $act /shared/file 2>/dev/null && echo "
                  "$act; done; "
                  "true'")
                .output,
            "");
  EXPECT_EQ(ubctl("exec2 101 cat /shared/file").output, "own\n");
}

}  // namespace
}  // namespace ubc::test

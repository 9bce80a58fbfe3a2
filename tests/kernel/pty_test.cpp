// SPDX-License-Identifier: Apache-2.0
// numpty on a real kernel: a pair is its opener's until both ends are closed, in the host's devpts and in an instance of its own.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

#include "tests/support/slot_process.h"

namespace ubc::test {
namespace {

int open_master(const char* path = "/dev/ptmx") { return ::open(path, O_RDWR | O_NOCTTY); }

/// Pairs of this process's container, while it lives: opens until refused.
int fill_and_check(std::uint32_t slot, const char* path, int room) {
  for (int i = 0; i < room; ++i)
    if (open_master(path) < 0) return 1;
  if (open_master(path) != -1 || errno != ENOMEM) return 2;
  if (held(slot, UBC_NUMPTY) != static_cast<std::uint64_t>(room)) return 3;
  // Files, directories and pipes still come: only a terminal is refused.
  int ends[2];
  return ::pipe(ends) == 0 && ::open("/dev/null", O_RDONLY) >= 0 ? 0 : 4;
}

TEST(Numpty, AMasterIsAllowedAtTheBarrierAndRefusedAboveItWithEnomem) {
  const std::uint32_t slot = fresh_slot(), other = fresh_slot();
  ASSERT_EQ(::chmod("/dev/ptmx", 0666), 0);
  limit(slot, UBC_NUMPTY, 4, 10);
  limit(other, UBC_NUMPTY, 4, 10);
  EXPECT_EQ(run_in(slot, [&] { return fill_and_check(slot, "/dev/ptmx", 4); }), 0);
  EXPECT_EQ(maxheld(slot, UBC_NUMPTY), 4U);
  EXPECT_EQ(failcnt(slot, UBC_NUMPTY), 1U);
  EXPECT_EQ(settled(slot, UBC_NUMPTY, 0), 0U);
  EXPECT_EQ(run_in(other, [&] { return fill_and_check(other, "/dev/ptmx", 4); }), 0);
}

TEST(Numpty, AnInstanceOfItsOwnCountsTheSameAndIndexesDoNotMeet) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_NUMPTY, 6, 6);
  EXPECT_EQ(Process([&] {
              if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 20;
              for (const char* where : {"/tmp/pts1", "/tmp/pts2"})
                if ((::mkdir(where, 0755) != 0 && errno != EEXIST) || ::mount("devpts", where, "devpts", 0, "ptmxmode=0666,mode=0666") != 0)
                  return 21;
              return joined(slot, [&] {
                for (int i = 0; i < 2; ++i)
                  if (open_master("/tmp/pts1/ptmx") < 0 || open_master("/tmp/pts2/ptmx") < 0) return 1;
                if (held(slot, UBC_NUMPTY) != 4) return 2;
                if (open_master("/tmp/pts2/ptmx") < 0 || open_master("/tmp/pts1/ptmx") < 0) return 3;
                if (open_master("/tmp/pts1/ptmx") != -1 || errno != ENOMEM) return 4;
                return held(slot, UBC_NUMPTY) == 6 ? 0 : 5;
              })();
            }).wait(),
            0);
  EXPECT_EQ(settled(slot, UBC_NUMPTY, 0), 0U);
}

TEST(Numpty, ThePairIsItsOpenersUntilBothEndsAreClosedWhoeverHasThem) {
  const std::uint32_t opener = fresh_slot(), user = fresh_slot();
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  Process master{joined(opener, [&] {
    const int fd = open_master();
    if (fd < 0 || ::grantpt(fd) != 0 || ::unlockpt(fd) != 0) return 1;
    const char* name = ::ptsname(fd);
    (void)::chmod(name, 0666);
    (void)!::write(ready[1], name, ::strlen(name) + 1);
    return ::pause();
  })};
  char name[64] = {};
  ASSERT_GT(::read(ready[0], name, sizeof name), 0);
  const int slave = ::open(name, O_RDWR | O_NOCTTY);
  ASSERT_GE(slave, 0);
  EXPECT_EQ(held(opener, UBC_NUMPTY), 1U);
  EXPECT_EQ(run_in(user, [&] { return ::open(name, O_RDWR | O_NOCTTY) >= 0 ? 0 : 1; }), 0);
  EXPECT_EQ(held(user, UBC_NUMPTY), 0U);
  master.kill();
  (void)master.wait();
  (void)::usleep(300'000);
  EXPECT_EQ(held(opener, UBC_NUMPTY), 1U);   // the slave is open yet
  (void)::close(slave);
  EXPECT_EQ(settled(opener, UBC_NUMPTY, 0), 0U);
  (void)::close(ready[0]);
  (void)::close(ready[1]);
}

TEST(Numpty, AStormOfManyTasksNeverPassesTheBarrier) {
  const std::uint32_t slot = fresh_slot();
  constexpr long kOpens = 1500;
  limit(slot, UBC_NUMPTY, 10, 10);
  Shared<std::atomic<long>> left, granted;
  left->store(kOpens);
  Process storm{joined(slot, [&] {
    for (int i = 0; i < 32; ++i)
      if (::fork() == 0) {
        while (left->fetch_sub(1) > 0)
          if (const int fd = open_master(); fd >= 0) {
            ++*granted;
            (void)::close(fd);
          }
        ::_exit(0);
      }
    return ::pause();
  })};
  for (int tries = 0; tries < 3000 && left->load() > -32; ++tries) (void)::usleep(100'000);
  EXPECT_LE(left->load(), -32);
  EXPECT_EQ(settled(slot, UBC_NUMPTY, 0), 0U);
  EXPECT_LE(maxheld(slot, UBC_NUMPTY), 10U);
  EXPECT_EQ(static_cast<std::uint64_t>(kOpens - granted->load()), failcnt(slot, UBC_NUMPTY));
  EXPECT_GT(failcnt(slot, UBC_NUMPTY), 0U);
}

}  // namespace
}  // namespace ubc::test

// SPDX-License-Identifier: Apache-2.0
// numflock on a real kernel: flock and fcntl locks, what splits, merges and waits, and who pays until when.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <vector>

#include "tests/support/slot_process.h"

namespace ubc::test {
namespace {

constexpr const char* kFile = "/tmp/ubc-lock-test";

/// A file that every container may lock for writing.
int open_file() {
  const int fd = ::open(kFile, O_RDWR | O_CREAT, 0666);
  (void)::fchmod(fd, 0666);
  return fd;
}

int lock_range(int fd, short type, off_t start, off_t length, int command = F_SETLK) {
  struct flock range{};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = start;
  range.l_len = length;
  return ::fcntl(fd, command, &range);
}

class Numflock : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { attach_group(bpf::HookGroup::locks); }
};

TEST_F(Numflock, FlockIsAllowedAtTheBarrierAndRefusedAboveItWithEnolck) {
  const std::uint32_t slot = fresh_slot(), other = fresh_slot();
  limit(slot, UBC_NUMFLOCK, 5, 10);
  limit(other, UBC_NUMFLOCK, 5, 10);
  (void)::close(open_file());
  Process holder{joined(slot, [&] {
    for (int i = 0; i < 5; ++i)
      if (::flock(::open(kFile, O_RDONLY), LOCK_SH) != 0) return 1;
    if (::flock(::open(kFile, O_RDONLY), LOCK_SH) != -1 || errno != ENOLCK) return 2;
    return held(slot, UBC_NUMFLOCK) == 5 ? ::pause() : 3;
  })};
  for (int tries = 0; tries < 500 && failcnt(slot, UBC_NUMFLOCK) == 0; ++tries) (void)::usleep(10'000);
  EXPECT_EQ(held(slot, UBC_NUMFLOCK), 5U);
  EXPECT_EQ(maxheld(slot, UBC_NUMFLOCK), 5U);
  EXPECT_EQ(failcnt(slot, UBC_NUMFLOCK), 1U);
  EXPECT_EQ(run_in(other, [] { return ::flock(::open(kFile, O_RDONLY), LOCK_SH); }), 0);
  EXPECT_EQ(failcnt(other, UBC_NUMFLOCK), 0U);
  EXPECT_EQ(held(other, UBC_NUMFLOCK), 0U);   // given back by exit
  holder.kill();
  EXPECT_EQ(holder.wait(), 128 + SIGKILL);
  EXPECT_EQ(held(slot, UBC_NUMFLOCK), 0U);
}

TEST_F(Numflock, AnUpgradeAMergeAndAConflictLeaveNothingBehind) {
  const std::uint32_t slot = fresh_slot();
  const int busy = open_file();
  ASSERT_EQ(lock_range(busy, F_WRLCK, 1000, 1), 0);
  EXPECT_EQ(run_in(slot,
                   [&] {
                     const int fd = ::open(kFile, O_RDWR);
                     if (::flock(fd, LOCK_SH) != 0 || ::flock(fd, LOCK_EX) != 0 || held(slot, UBC_NUMFLOCK) != 1) return 1;
                     if (::flock(fd, LOCK_UN) != 0 || held(slot, UBC_NUMFLOCK) != 0) return 2;
                     if (lock_range(fd, F_WRLCK, 0, 10) != 0 || lock_range(fd, F_WRLCK, 20, 10) != 0) return 3;
                     if (held(slot, UBC_NUMFLOCK) != 2) return 4;
                     if (lock_range(fd, F_WRLCK, 5, 20) != 0 || held(slot, UBC_NUMFLOCK) != 1) return 5;   // all in one
                     if (lock_range(fd, F_RDLCK, 10, 5) != 0 || held(slot, UBC_NUMFLOCK) != 3) return 6;   // three of one
                     if (lock_range(fd, F_RDLCK, 1000, 1) != -1 || errno != EAGAIN || held(slot, UBC_NUMFLOCK) != 3) return 7;
                     if (lock_range(fd, F_UNLCK, 0, 0) != 0) return 8;
                     return held(slot, UBC_NUMFLOCK) == 0 ? 0 : 9;
                   }),
            0);
  (void)::close(busy);
}

TEST_F(Numflock, AnUnlockMaySplitUpToTheLimitAndAWholeUnlockAlwaysPasses) {
  const std::uint32_t slot = fresh_slot();
  (void)::close(open_file());
  limit(slot, UBC_NUMFLOCK, 3, 5);
  EXPECT_EQ(run_in(slot,
                   [&] {
                     const int fd = ::open(kFile, O_RDWR);
                     for (int i = 0; i < 3; ++i)
                       if (lock_range(fd, F_WRLCK, i * 100, 50) != 0) return 1;
                     if (lock_range(fd, F_WRLCK, 900, 1) != -1 || errno != ENOLCK) return 2;
                     if (lock_range(fd, F_UNLCK, 10, 1) != 0 || lock_range(fd, F_UNLCK, 110, 1) != 0) return 3;
                     if (held(slot, UBC_NUMFLOCK) != 5) return 4;
                     if (lock_range(fd, F_UNLCK, 210, 1) != -1 || errno != ENOLCK || held(slot, UBC_NUMFLOCK) != 5) return 5;
                     if (lock_range(fd, F_UNLCK, 0, 0) != 0) return 6;
                     return held(slot, UBC_NUMFLOCK) == 0 ? 0 : 7;
                   }),
            0);
  EXPECT_EQ(maxheld(slot, UBC_NUMFLOCK), 5U);
  EXPECT_EQ(failcnt(slot, UBC_NUMFLOCK), 2U);
}

TEST_F(Numflock, ThoseWhoWaitAreCountedSoThatAllCannotPassOnOneFreePlace) {
  const std::uint32_t slot = fresh_slot();
  const int busy = open_file();
  ASSERT_EQ(lock_range(busy, F_WRLCK, 0, 0), 0);
  limit(slot, UBC_NUMFLOCK, 4, 4);
  Shared<std::atomic<int>> refused, granted;
  Process crowd{joined(slot, [&] {
    for (int i = 0; i < 12; ++i)
      if (::fork() == 0) {
        const bool got = lock_range(::open(kFile, O_RDWR), F_RDLCK, i * 10, 5, F_SETLKW) == 0;
        ++*(got ? granted : refused);
        (void)::pause();
      }
    return ::pause();
  })};
  for (int tries = 0; tries < 1000 && refused->load() < 8; ++tries) (void)::usleep(10'000);
  EXPECT_EQ(refused->load(), 8);
  EXPECT_EQ(settled(slot, UBC_NUMFLOCK, 4), 4U);
  (void)::close(busy);
  for (int tries = 0; tries < 1000 && granted->load() < 4; ++tries) (void)::usleep(10'000);
  EXPECT_EQ(granted->load(), 4);
  EXPECT_EQ(held(slot, UBC_NUMFLOCK), 4U);
  EXPECT_EQ(maxheld(slot, UBC_NUMFLOCK), 4U);
  EXPECT_EQ(run_in(slot, [] { return ::kill(-1, SIGKILL); }), 0);
  (void)crowd.wait();
  EXPECT_EQ(settled(slot, UBC_NUMFLOCK, 0), 0U);
}

TEST_F(Numflock, TheKilledWaiterGivesItsPlaceBack) {
  const std::uint32_t slot = fresh_slot();
  const int busy = open_file();
  ASSERT_EQ(lock_range(busy, F_WRLCK, 0, 0), 0);
  Process waiter{joined(slot, [] { return lock_range(::open(kFile, O_RDWR), F_WRLCK, 0, 1, F_SETLKW); })};
  EXPECT_EQ(settled(slot, UBC_NUMFLOCK, 1), 1U);
  waiter.kill();
  EXPECT_EQ(waiter.wait(), 128 + SIGKILL);
  EXPECT_EQ(held(slot, UBC_NUMFLOCK), 0U);
  (void)::close(busy);
}

TEST_F(Numflock, APassedFilesLockIsItsLockersUntilTheLastHolderClosesIt) {
  const std::uint32_t slot = fresh_slot();
  const int shared = open_file();
  EXPECT_EQ(run_in(slot, [&] { return ::flock(shared, LOCK_EX); }), 0);
  EXPECT_EQ(held(slot, UBC_NUMFLOCK), 1U);
  (void)::close(shared);
  EXPECT_EQ(held(slot, UBC_NUMFLOCK), 0U);
}

TEST_F(Numflock, TheHostsLocksAreNobodys) {
  const int fd = open_file();
  const std::uint64_t refusals = attached_ledger().read(0, UBC_NUMFLOCK).failcnt;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(lock_range(fd, F_WRLCK, i * 2, 1), 0);
  EXPECT_EQ(held(0, UBC_NUMFLOCK), 0U);
  EXPECT_EQ(attached_ledger().read(0, UBC_NUMFLOCK).failcnt, refusals);
  (void)::close(fd);
}

/// Locks and unlocks until it is killed, so that the census meets locks that come and go.
int churn(std::atomic<long>& rounds) {
  const int whole = ::open(kFile, O_RDONLY), ranges = ::open(kFile, O_RDWR);
  for (short at = 0;; at = static_cast<short>((at + 1) % 64)) {
    (void)::flock(whole, at % 2 == 0 ? LOCK_SH : LOCK_UN);
    (void)lock_range(ranges, at % 3 == 0 ? F_UNLCK : F_RDLCK, 1000 + at * 2, 1);
    ++rounds;
  }
}

TEST(NumflockBefore, AttachingItsHooksCountsTheLocksThatAreHeldWhileOthersComeAndGo) {
  detach_group(bpf::HookGroup::locks);
  const std::uint32_t slot = fresh_slot(), busy = fresh_slot();
  (void)::close(open_file());
  Shared<std::atomic<int>> made, go;
  Shared<std::atomic<long>> rounds;
  Process holder{joined(slot, [&] {
    const int fd = open_file(), whole = ::open(kFile, O_RDONLY);
    if (::flock(whole, LOCK_SH) != 0 || lock_range(fd, F_RDLCK, 0, 10) != 0 || lock_range(fd, F_WRLCK, 20, 10) != 0) return 1;
    *made = 1;
    while (*go == 0) (void)::usleep(1000);
    if (lock_range(fd, F_UNLCK, 20, 10) != 0) return 2;
    *made = 2;
    return ::pause();
  })};
  Process churner{joined(busy, [&] { return churn(*rounds); })};
  ASSERT_TRUE(comes_true([&] { return *made == 1 && *rounds > 1000; }));
  EXPECT_EQ(held(slot, UBC_NUMFLOCK), 0U);
  attach_group(bpf::HookGroup::locks);
  EXPECT_EQ(held(slot, UBC_NUMFLOCK), 3U);
  *go = 1;
  EXPECT_TRUE(comes_true([&] { return *made == 2; }));
  EXPECT_EQ(settled(slot, UBC_NUMFLOCK, 2), 2U) << "an unlock gives back what the census counted";
  for (Process* process : {&holder, &churner}) {
    process->kill();
    (void)process->wait();
  }
  EXPECT_EQ(settled(slot, UBC_NUMFLOCK, 0), 0U);
  EXPECT_EQ(settled(busy, UBC_NUMFLOCK, 0), 0U);
}

}  // namespace
}  // namespace ubc::test

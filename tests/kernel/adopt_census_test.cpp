// SPDX-License-Identifier: Apache-2.0
// What the census at adoption counts on a real kernel, and that what dies afterwards is given back.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/support/adopted_cgroup.h"

namespace ubc::test {
namespace {

constexpr ubc_resource kCounted[] = {UBC_NUMPROC, UBC_NUMFILE, UBC_NUMTCPSOCK, UBC_NUMOTHERSOCK, UBC_PRIVVMPAGES};

TEST(Adopt, TheCensusCountsEachKindOfObjectOnceAndWhatDiesIsGivenBack) {
  const std::uint32_t slot = fresh_slot();
  const Cgroup cgroup{"ubc-adopt-census"};
  Shared<Talk> talk;
  Process workload{[&] {
    cgroup.enter();
    close_inherited();
    for (int i = 0; i < 5; ++i) (void)::open("/dev/null", O_RDONLY);
    (void)::dup(0);   // the same file
    (void)::socket(AF_INET, SOCK_STREAM, 0);
    (void)::socket(AF_INET6, SOCK_STREAM, 0);
    (void)::socket(AF_INET, SOCK_DGRAM, 0);
    int ends[2];
    (void)::socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    if (::fork() == 0) {   // shares all files
      ++talk->ready;
      return ::pause();
    }
    if (::fork() == 0) ::_exit(0);   // a zombie
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back([] { (void)::pause(); });
    (void)::usleep(200'000);
    ++talk->ready;
    return ::pause();
  }};
  await(talk->ready, 2);
  for (const ubc_resource resource : kCounted) EXPECT_EQ(held(slot, resource), 0U) << resource;
  std::uint64_t pages = 0;
  adopt(cgroup, slot, 0, [&] {
    std::ifstream children{"/proc/" + std::to_string(workload.pid()) + "/task/" + std::to_string(workload.pid()) + "/children"};
    pages = private_pages(workload.pid());
    for (pid_t child = 0; children >> child;) pages += private_pages(child);
  });
  EXPECT_EQ(held(slot, UBC_NUMPROC), 1U + 1 + 1 + 3);
  EXPECT_EQ(held(slot, UBC_NUMTCPSOCK), 2U);
  EXPECT_EQ(held(slot, UBC_NUMOTHERSOCK), 3U);
  EXPECT_EQ(held(slot, UBC_NUMFILE), 5U + 5 + mapped_files(workload.pid()));
  EXPECT_EQ(held(slot, UBC_PRIVVMPAGES), pages);
  cgroup.write("cgroup.kill", "1");
  EXPECT_EQ(workload.wait(), 128 + SIGKILL);
  EXPECT_EQ(settled(slot, UBC_NUMPROC, 0), 0U);
  EXPECT_EQ(settled(slot, UBC_NUMTCPSOCK, 0), 0U);
  EXPECT_EQ(settled(slot, UBC_NUMOTHERSOCK, 0), 0U);
  EXPECT_EQ(settled(slot, UBC_PRIVVMPAGES, 0), 0U);
  // The mapped files are those of the test program itself, which it still maps: they are held until it ends.
  EXPECT_LE(settled(slot, UBC_NUMFILE, mapped_files(::getpid())), mapped_files(::getpid()));
  release(cgroup, slot);
  EXPECT_EQ(held(slot, UBC_NUMFILE), 0U);
  EXPECT_EQ(attached_ledger().health().losses[UBC_LOSS_UNCHARGE_TOO_MUCH], 0U);
}

/// Byte `at` of the file: locked, or not.
int lock_byte(int fd, short type, off_t at) {
  struct flock range = {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = at;
  range.l_len = 1;
  return ::fcntl(fd, F_SETLK, &range);
}

/// A flock that a child shares, two POSIX locks, a terminal's master; and the slave of another's.
int lock_and_open_terminals(const Cgroup& cgroup, Shared<Talk>& talk, int slave) {
  cgroup.enter();
  const int one = ::open("/tmp/adopt-flock", O_RDWR | O_CREAT, 0600), two = ::open("/tmp/adopt-posix", O_RDWR | O_CREAT, 0600);
  const bool made = ::flock(one, LOCK_EX) == 0 && lock_byte(two, F_WRLCK, 1) == 0 && lock_byte(two, F_WRLCK, 5) == 0 &&
                    ::posix_openpt(O_RDWR | O_NOCTTY) >= 0 && ::isatty(slave) == 1;
  if (::fork() == 0) return ::pause();
  talk->made = made ? 1 : 0;
  ++talk->ready;
  while (!talk->go) (void)::usleep(1'000);
  (void)lock_byte(two, F_UNLCK, 1);
  ++talk->ready;
  return ::pause();
}

TEST(Adopt, TheCensusCountsLocksByTheirFileAndTerminalsByEitherEnd) {
  attach_group(bpf::HookGroup::locks);
  const std::uint32_t slot = fresh_slot();
  const Cgroup cgroup{"ubc-adopt-locks"};
  const int bystanders = ::open("/tmp/adopt-flock-of-another", O_RDWR | O_CREAT, 0600);
  const int on_the_same_file = ::open("/tmp/adopt-posix", O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(::flock(bystanders, LOCK_EX), 0);
  ASSERT_EQ(lock_byte(on_the_same_file, F_WRLCK, 9), 0);   // not theirs, though it lies in one list with theirs
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_TRUE(master >= 0 && ::grantpt(master) == 0 && ::unlockpt(master) == 0);
  int slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
  ASSERT_GE(slave, 0);
  Shared<Talk> talk;
  Process workload{[&] {
    for (const int fd : {bystanders, on_the_same_file, master}) (void)::close(fd);
    return lock_and_open_terminals(cgroup, talk, slave);
  }};
  (void)::close(slave);
  await(talk->ready, 1);
  ASSERT_EQ(talk->made, 1);
  adopt(cgroup, slot);
  EXPECT_EQ(held(slot, UBC_NUMFLOCK), 3U);
  EXPECT_EQ(held(slot, UBC_NUMPTY), 2U);
  talk->go = true;
  await(talk->ready, 2);
  EXPECT_EQ(held(slot, UBC_NUMFLOCK), 2U) << "an unlock gives back what the census counted";
  cgroup.write("cgroup.kill", "1");
  (void)workload.wait();
  EXPECT_EQ(settled(slot, UBC_NUMFLOCK, 0), 0U);
  EXPECT_EQ(settled(slot, UBC_NUMPTY, 1), 1U) << "its master is open here";
  (void)::close(master);
  EXPECT_EQ(settled(slot, UBC_NUMPTY, 0), 0U);
  for (const int fd : {bystanders, on_the_same_file}) (void)::close(fd);
  release(cgroup, slot);
  EXPECT_EQ(attached_ledger().health().losses[UBC_LOSS_UNCHARGE_TOO_MUCH], 0U);
}

}  // namespace
}  // namespace ubc::test

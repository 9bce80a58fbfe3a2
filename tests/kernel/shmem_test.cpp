// SPDX-License-Identifier: Apache-2.0
// shmpages on a real kernel: segments and shared anonymous memory in whole, tmpfs and memfds by the page.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "tests/support/slot_process.h"

namespace ubc::test {
namespace {

constexpr std::size_t kPage = 4096;

/// A tmpfs that is the slot's.
std::string fresh_tmpfs(std::uint32_t slot) {
  const std::string path = "/tmp/ubc-shm-" + std::to_string(slot);
  (void)::mkdir(path.c_str(), 0755);
  EXPECT_EQ(::mount("tmpfs", path.c_str(), "tmpfs", 0, "mode=1777"), 0);
  return path;
}

int open_file(const std::string& path) { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644); }

/// Pages written at the end; fewer than asked for with errno set.
int write_pages(int fd, int pages) {
  static const char page[kPage] = {1};
  for (int i = 0; i < pages; ++i)
    if (::write(fd, page, kPage) != static_cast<ssize_t>(kPage)) return i;
  return pages;
}

TEST(Shmpages, AFileOfTmpfsAndAMemfdCountByThePageAndAreRefusedWithEnospc) {
  const std::uint32_t slot = fresh_slot(), other = fresh_slot();
  limit(slot, UBC_SHMPAGES, 40, 60);
  limit(other, UBC_SHMPAGES, 40, 60);
  const std::string path = fresh_tmpfs(slot);
  const auto held_is = [&](std::uint64_t want) { return held(slot, UBC_SHMPAGES) == want; };
  EXPECT_EQ(run_in(slot,
                   [&] {
                     const int fd = open_file(path + "/a");
                     if (fd < 0 || write_pages(fd, 25) != 25 || !held_is(25)) return 1;
                     const int memory = ::memfd_create("m", 0);
                     if (write_pages(memory, 15) != 15 || !held_is(40)) return 2;
                     if (write_pages(memory, 1) != 0 || errno != ENOSPC) return 3;
                     if (::fallocate(fd, 0, 30 * kPage, kPage) != -1 || errno != ENOSPC) return 4;
                     if (!held_is(40)) return 5;
                     if (::ftruncate(fd, 10 * kPage) != 0 || !held_is(25)) return 6;
                     if (::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4 * kPage) != 0 || !held_is(21)) return 7;
                     if (::close(memory) != 0 || !held_is(6)) return 8;
                     if (::fallocate(fd, 0, 100 * kPage, 34 * kPage) != 0 || !held_is(40)) return 9;
                     if (::unlink((path + "/a").c_str()) != 0 || !held_is(40)) return 10;   // it is open
                     return ::close(fd) == 0 && held_is(0) ? 0 : 11;
                   }),
            0);
  EXPECT_EQ(maxheld(slot, UBC_SHMPAGES), 40U);
  EXPECT_GE(failcnt(slot, UBC_SHMPAGES), 2U);   // of one write the kernel may ask more than once
  EXPECT_LE(failcnt(slot, UBC_SHMPAGES), 12U);
  EXPECT_EQ(run_in(other, [&] { return write_pages(open_file(path + "/b"), 40) == 40 ? 0 : 1; }), 0);
  EXPECT_EQ(failcnt(other, UBC_SHMPAGES), 0U);
  EXPECT_EQ(held(other, UBC_SHMPAGES), 40U);   // its maker has ended, and the file is there
  EXPECT_EQ(::umount2(path.c_str(), 0), 0);
  EXPECT_EQ(settled(other, UBC_SHMPAGES, 0), 0U);
}

TEST(Shmpages, AFaultAboveTheBarrierIsABusErrorAndTheStackGrowsAllTheSame) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_SHMPAGES, 10, 10);
  const auto touch = [](int pages) {
    const int memory = ::memfd_create("m", 0);
    (void)::ftruncate(memory, 100 * kPage);
    auto* area = static_cast<volatile char*>(::mmap(nullptr, 100 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0));
    for (int i = 0; i < pages; ++i) area[static_cast<std::size_t>(i) * kPage] = 1;
    volatile char deep[800 * 1024];
    for (std::size_t at = 0; at < sizeof deep; at += kPage) deep[at] = 1;
    return 0;
  };
  EXPECT_EQ(run_in(slot, [&] { return touch(10); }), 0);
  EXPECT_EQ(failcnt(slot, UBC_SHMPAGES), 0U);
  EXPECT_EQ(settled(slot, UBC_SHMPAGES, 0), 0U);
  EXPECT_EQ(run_in(slot, [&] { return touch(11); }), 128 + SIGBUS);
  EXPECT_GE(failcnt(slot, UBC_SHMPAGES), 1U);
  EXPECT_EQ(settled(slot, UBC_SHMPAGES, 0), 0U);
}

TEST(Shmpages, SharedAnonymousMemoryCountsInWholeAndIsRefusedWithEnomem) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_SHMPAGES, 100, 100);
  const auto map = [](std::size_t pages) {
    return ::mmap(nullptr, pages * kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  };
  EXPECT_EQ(run_in(slot,
                   [&] {
                     if (map(101) != MAP_FAILED || errno != ENOMEM) return 1;
                     auto* area = static_cast<char*>(map(60));
                     if (area == MAP_FAILED || held(slot, UBC_SHMPAGES) != 60) return 2;
                     area[0] = area[30 * kPage] = 1;
                     if (held(slot, UBC_SHMPAGES) != 60) return 3;
                     if (map(41) != MAP_FAILED || map(40) == MAP_FAILED) return 4;
                     const pid_t child = ::fork();   // which shares it
                     if (child == 0) ::_exit(area[0] == 1 && held(slot, UBC_SHMPAGES) == 100 ? 0 : 1);
                     int status = 0;
                     if (::waitpid(child, &status, 0) != child || status != 0) return 5;
                     if (::munmap(area, 60 * kPage) != 0 || held(slot, UBC_SHMPAGES) != 40) return 6;
                     const void* fixed = ::mmap(nullptr, std::size_t{1} << 60, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
                     return fixed == MAP_FAILED && held(slot, UBC_SHMPAGES) == 40 ? 0 : 7;
                   }),
            0);
  EXPECT_EQ(maxheld(slot, UBC_SHMPAGES), 100U);
  EXPECT_EQ(settled(slot, UBC_SHMPAGES, 0), 0U);
}

TEST(Shmpages, ASegmentCountsInWholeFromShmgetUntilItIsGone) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_SHMPAGES, 100, 100);
  Shared<int> id;
  EXPECT_EQ(run_in(slot,
                   [&] {
                     if (::shmget(IPC_PRIVATE, 101 * kPage, 0600) != -1 || errno != ENOMEM) return 1;
                     *id = ::shmget(IPC_PRIVATE, 70 * kPage, 0600);
                     if (*id < 0 || held(slot, UBC_SHMPAGES) != 70) return 2;
                     if (::shmget(IPC_PRIVATE, 31 * kPage, 0600) != -1) return 3;
                     auto* area = static_cast<char*>(::shmat(*id, nullptr, 0));
                     area[0] = area[69 * kPage] = 1;
                     return held(slot, UBC_SHMPAGES) == 70 ? 0 : 4;
                   }),
            0);
  EXPECT_EQ(failcnt(slot, UBC_SHMPAGES), 2U);
  EXPECT_EQ(settled(slot, UBC_NUMPROC, 0), 0U);
  EXPECT_EQ(held(slot, UBC_SHMPAGES), 70U);
  EXPECT_EQ(::shmctl(*id, IPC_RMID, nullptr), 0);
  EXPECT_EQ(settled(slot, UBC_SHMPAGES, 0), 0U);
}

TEST(Shmpages, APassedMemfdIsItsMakersUntilTheReceiverClosesIt) {
  const std::uint32_t slot = fresh_slot();
  Shared<std::atomic<int>> fd;
  Process maker{joined(slot, [&] {
    const int memory = ::memfd_create("m", 0);
    (void)write_pages(memory, 9);
    *fd = memory;
    return ::pause();
  })};
  for (int tries = 0; tries < 3000 && *fd == 0; ++tries) (void)::usleep(10'000);
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, maker.pid(), 0));
  const int mine = static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, fd->load(), 0));
  ASSERT_GE(mine, 0);
  maker.kill();
  (void)maker.wait();
  EXPECT_EQ(settled(slot, UBC_NUMPROC, 0), 0U);
  EXPECT_EQ(held(slot, UBC_SHMPAGES), 9U);
  (void)::close(mine);
  (void)::close(pidfd);
  EXPECT_EQ(settled(slot, UBC_SHMPAGES, 0), 0U);
}

/// 64 tasks that write all they can to files of their own, each until it was refused 200 times.
TEST(Shmpages, AStormPassesTheBarrierByNoMoreThanItsBound) {
  constexpr int kWorkers = 64, kRefusals = 200;
  constexpr std::uint64_t kBarrier = 500;
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_SHMPAGES, kBarrier, kBarrier);
  Shared<std::atomic<std::uint64_t>> census, done;
  const int status = run_in(slot, [&] {
    pid_t workers[kWorkers];
    for (pid_t& worker : workers)
      if ((worker = ::fork()) == 0) {
        const int memory = ::memfd_create("m", 0);
        for (int refusals = 0; refusals < kRefusals; refusals += write_pages(memory, 1) == 0);
        struct stat seen{};
        (void)::fstat(memory, &seen);
        *census += static_cast<std::uint64_t>(seen.st_blocks) / 8;
        ++*done;
        (void)::pause();
      }
    while (*done < kWorkers) (void)::usleep(100'000);
    const std::uint64_t counted = held(slot, UBC_SHMPAGES);
    std::printf("barrier %lu, census %lu, held %lu, maxheld %lu\n", kBarrier, census->load(), counted, maxheld(slot, UBC_SHMPAGES));
    std::fflush(stdout);
    for (const pid_t worker : workers) (void)::kill(worker, SIGKILL);
    for (const pid_t worker : workers) (void)::waitpid(worker, nullptr, 0);
    return counted == *census ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
  // Looked at, not reserved: one for each task in the same call. A kernel that preempts lazily skips some of the looks as well.
  const bool preemptible = attached_ledger().settings().preemptible != 0;
  EXPECT_LE(*census, kBarrier + (preemptible ? kWorkers * kRefusals / 5 : kWorkers));
  EXPECT_EQ(settled(slot, UBC_SHMPAGES, 0), 0U);
}

}  // namespace
}  // namespace ubc::test

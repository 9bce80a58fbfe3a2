// SPDX-License-Identifier: Apache-2.0
// lockedpages on a real kernel: held is VmLck of the container's processes after every step, and what has a hook is refused.
#include <errno.h>
#include <gtest/gtest.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/slot_process.h"

namespace ubc::test {
namespace {

constexpr std::size_t kPage = 4096;

std::uint64_t locked_pages(pid_t pid) {
  std::ifstream status{"/proc/" + std::to_string(pid) + "/status"};
  std::string line;
  while (std::getline(status, line))
    if (line.starts_with("VmLck:")) return std::stoull(line.substr(6)) * 1024 / kPage;
  return ~0ULL;
}

char* map_pages(std::size_t pages, int more = 0) {
  void* area = ::mmap(nullptr, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | more, -1, 0);
  return area == MAP_FAILED ? nullptr : static_cast<char*>(area);
}

bool agrees(std::uint32_t slot) { return held(slot, UBC_LOCKEDPAGES) == locked_pages(::getpid()); }

void let_lock(std::size_t pages) {
  const rlimit wanted{pages * kPage, pages * kPage};
  (void)::setrlimit(RLIMIT_MEMLOCK, &wanted);
}

/// mlockall() asks for more than the RLIMIT_MEMLOCK that a host gives.
int run_unlimited(std::uint32_t slot, const std::function<int()>& body) {
  return Process([&] { return (let_lock(1 << 20), joined(slot, body)()); }).wait();
}

TEST(Lockedpages, HeldIsVmLckAfterEveryStep) {
  const std::uint32_t slot = fresh_slot();
  Shared<int> step;
  EXPECT_EQ(run_unlimited(slot,
                          [&] {
                            const auto check = [&](std::uint64_t want) {
                              if (!agrees(slot) || (want != ~0ULL && held(slot, UBC_LOCKEDPAGES) != want)) ::_exit(1);
                              ++*step;
                            };
                            char* area = map_pages(100);
                            check(0);
                            (void)::mlock(area, 30 * kPage);
                            check(30);
                            (void)::mlock(area + 10 * kPage, 30 * kPage);   // 20 of them are locked
                            check(40);
                            (void)::mlock2(area + 60 * kPage, 5 * kPage, MLOCK_ONFAULT);
                            check(45);
                            (void)::munlock(area + 5 * kPage, kPage);
                            check(44);
                            (void)::munmap(area, 5 * kPage);
                            check(39);
                            void* moved = ::mremap(area + 60 * kPage, 5 * kPage, 20 * kPage, MREMAP_MAYMOVE);
                            check(54);
                            (void)::mremap(moved, 20 * kPage, 2 * kPage, 0);
                            check(36);
                            char* at_once = map_pages(7, MAP_LOCKED);
                            check(43);
                            (void)::mprotect(at_once, kPage, PROT_READ);
                            check(43);
                            if (::mlock(area + 30 * kPage, 500'000 * kPage) != -1) ::_exit(2);   // not all mapped
                            check(~0ULL);
                            (void)::munlockall();
                            check(0);
                            if (::mlockall(MCL_CURRENT | MCL_FUTURE) != 0) ::_exit(3);
                            check(~0ULL);
                            (void)map_pages(11);
                            check(~0ULL);
                            (void)::sbrk(9 * kPage);
                            check(~0ULL);
                            const pid_t child = ::fork();   // which has nothing locked
                            if (child == 0) ::_exit(0);
                            (void)::waitpid(child, nullptr, 0);
                            check(~0ULL);
                            (void)::munlockall();
                            check(0);
                            return 0;
                          }),
            0)
      << "step " << *step;
  EXPECT_EQ(*step, 17);
  EXPECT_EQ(settled(slot, UBC_LOCKEDPAGES, 0), 0U);
}

struct Way {
  const char* name;
  std::function<void()> before;
  std::function<bool(std::size_t)> lock;   // so many pages more; false: refused
};

std::vector<Way> ways_to_lock() {
  return {
      {"MAP_LOCKED", [] {}, [](std::size_t pages) { return map_pages(pages, MAP_LOCKED) != nullptr; }},
      {"MAP_LOCKED, shared", [] {},
       [](std::size_t pages) {
         return ::mmap(nullptr, pages * kPage, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) != MAP_FAILED;
       }},
      {"MCL_FUTURE and mmap", [] { (void)::mlockall(MCL_FUTURE); }, [](std::size_t pages) { return map_pages(pages) != nullptr; }},
      {"MCL_FUTURE and brk", [] { (void)::mlockall(MCL_FUTURE); },
       [](std::size_t pages) { return ::sbrk(static_cast<intptr_t>(pages * kPage)) != reinterpret_cast<void*>(-1); }},
      {"SHM_LOCK", [] {},
       [](std::size_t pages) {
         const int id = ::shmget(IPC_PRIVATE, pages * kPage, 0600);
         const bool locked = ::shmctl(id, SHM_LOCK, nullptr) == 0;
         const int error = errno;
         if (!locked) (void)::shmctl(id, IPC_RMID, nullptr);
         errno = error;
         return locked;
       }},
  };
}

TEST(Lockedpages, EachWayWithAHookIsAllowedAtTheBarrierAndRefusedAboveItWithEnomem) {
  for (const Way& way : ways_to_lock()) {
    const std::uint32_t slot = fresh_slot(), other = fresh_slot();
    limit(slot, UBC_LOCKEDPAGES, 50, 90);
    limit(other, UBC_LOCKEDPAGES, 50, 90);
    EXPECT_EQ(run_in(slot,
                     [&] {
                       way.before();
                       if (way.lock(51) || errno != ENOMEM) return 1;
                       if (held(slot, UBC_LOCKEDPAGES) != 0) return 2;
                       if (!way.lock(20)) return 3;
                       if (!way.lock(30)) return 4;
                       if (way.lock(1) || errno != ENOMEM) return 5;
                       return held(slot, UBC_LOCKEDPAGES) == 50 ? 0 : 6;
                     }),
              0)
        << way.name;
    EXPECT_EQ(maxheld(slot, UBC_LOCKEDPAGES), 50U) << way.name;
    EXPECT_EQ(failcnt(slot, UBC_LOCKEDPAGES), 2U) << way.name;
    EXPECT_EQ(run_in(other, [&] { return (way.before(), way.lock(50)) ? 0 : 1; }), 0) << way.name;
    EXPECT_EQ(failcnt(other, UBC_LOCKEDPAGES), 0U) << way.name;
    if (way.name == std::string{"SHM_LOCK"}) continue;   // a segment outlives its maker
    EXPECT_EQ(settled(slot, UBC_LOCKEDPAGES, 0), 0U) << way.name;
  }
}

TEST(Lockedpages, ASegmentIsWhoLocksItsUntilItIsUnlockedOrGone) {
  const std::uint32_t slot = fresh_slot();
  Shared<int> id;
  EXPECT_EQ(run_in(slot,
                   [&] {
                     *id = ::shmget(IPC_PRIVATE, 8 * kPage, 0600);
                     if (::shmctl(*id, SHM_LOCK, nullptr) != 0 || ::shmctl(*id, SHM_LOCK, nullptr) != 0) return 1;
                     if (held(slot, UBC_LOCKEDPAGES) != 8) return 2;
                     if (::shmctl(*id, SHM_UNLOCK, nullptr) != 0 || held(slot, UBC_LOCKEDPAGES) != 0) return 3;
                     return ::shmctl(*id, SHM_LOCK, nullptr);
                   }),
            0);
  EXPECT_EQ(settled(slot, UBC_NUMPROC, 0), 0U);
  EXPECT_EQ(held(slot, UBC_LOCKEDPAGES), 8U);
  EXPECT_EQ(::shmctl(*id, IPC_RMID, nullptr), 0);
  EXPECT_EQ(held(slot, UBC_LOCKEDPAGES), 0U);
}

TEST(Lockedpages, MlockIsRefusedByEachProcesssOwnLimitAndWhatGoesOverInSumIsCountedAndTold) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_LOCKEDPAGES, 50, 50);
  const auto skipped = [] { return attached_ledger().health().losses[UBC_LOSS_REFUSAL_SKIPPED]; };
  const std::uint64_t before = skipped();
  EXPECT_EQ(run_in(slot,
                   [&] {
                     let_lock(50);
                     char* area = map_pages(100);
                     if (::mlock(area, 51 * kPage) != -1 || errno != ENOMEM) return 1;
                     if (failcnt(slot, UBC_LOCKEDPAGES) != 1) return 2;
                     if (::mlock(area, 50 * kPage) != 0) return 3;
                     if (::mlock(area + 50 * kPage, kPage) != -1 || errno != ENOMEM) return 4;
                     if (failcnt(slot, UBC_LOCKEDPAGES) != 2 || skipped() != before) return 5;
                     const pid_t child = ::fork();
                     if (child == 0) ::_exit(::mlock(area, 20 * kPage) == 0 && held(slot, UBC_LOCKEDPAGES) == 70 ? 0 : 1);
                     int status = 0;
                     return ::waitpid(child, &status, 0) == child && status == 0 ? 0 : 6;
                   }),
            0);
  EXPECT_EQ(skipped(), before + 1);
  EXPECT_EQ(maxheld(slot, UBC_LOCKEDPAGES), 70U);
  EXPECT_EQ(settled(slot, UBC_LOCKEDPAGES, 0), 0U);
}

TEST(Lockedpages, AKilledProcessGivesBackAndThreadsEndExact) {
  const std::uint32_t slot = fresh_slot();
  Shared<int> ready;
  Process hog{joined(slot, [&] {
    char* area = map_pages(64);
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([area, i] {
        for (int round = 0; round < 200; ++round) {
          (void)::mlock(area + 8 * i * static_cast<int>(kPage), 8 * kPage);
          (void)::munlock(area + 8 * i * static_cast<int>(kPage), 3 * kPage);
        }
      });
    for (std::thread& one : threads) one.join();
    (void)bpf::audit_if_needed(attached_ledger());
    *ready = agrees(slot) ? 1 : 2;
    return ::pause();
  })};
  for (int tries = 0; tries < 6000 && *ready == 0; ++tries) (void)::usleep(10'000);
  EXPECT_EQ(*ready, 1);
  EXPECT_EQ(held(slot, UBC_LOCKEDPAGES), 40U);
  hog.kill();
  EXPECT_EQ(hog.wait(), 128 + 9);
  EXPECT_EQ(settled(slot, UBC_LOCKEDPAGES, 0), 0U);
}

}  // namespace
}  // namespace ubc::test

// SPDX-License-Identifier: Apache-2.0
// privvmpages on a real kernel: held is VmData + VmStk of the container's processes after every step, and each way to grow is refused.
#include <errno.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <thread>
#include <vector>

#include "tests/support/slot_process.h"

namespace ubc::test {
namespace {

constexpr std::size_t kPage = 4096;

void* map_pages(std::size_t pages, int prot = PROT_READ | PROT_WRITE, int more = 0) {
  return ::mmap(nullptr, pages * kPage, prot, MAP_PRIVATE | MAP_ANONYMOUS | more, -1, 0);
}

/// Adopts the caller's address space (a process that entered the container counts in full at its next mapping call).
void adopt() { (void)::munmap(map_pages(1), kPage); }

/// Grows the stack by 800 KiB. A frame of its own: its caller's would be below what it measures.
[[gnu::noinline]] void touch_deep_stack() {
  volatile char deep[800 * 1024];
  for (std::size_t at = 0; at < sizeof deep; at += kPage) deep[at] = 1;
}

bool agrees(std::uint32_t slot) { return held(slot, UBC_PRIVVMPAGES) == private_pages(::getpid()); }

TEST(Privvmpages, HeldIsVmDataAndVmStkAfterEveryStep) {
  const std::uint32_t slot = fresh_slot();
  Shared<int> step;
  EXPECT_EQ(run_in(slot,
                   [&] {
                     adopt();
                     const auto check = [&] { return agrees(slot) ? (void)++*step : ::_exit(1); };
                     check();
                     auto* area = static_cast<char*>(map_pages(64));
                     check();
                     (void)::munmap(area + 10 * kPage, 4 * kPage);   // a hole
                     check();
                     (void)::mprotect(area, 5 * kPage, PROT_READ);
                     check();
                     (void)::mprotect(area, 5 * kPage, PROT_READ | PROT_WRITE);
                     check();
                     (void)::mprotect(area + 2 * kPage, kPage, PROT_NONE);
                     check();
                     void* moved = ::mremap(area + 20 * kPage, 8 * kPage, 40 * kPage, MREMAP_MAYMOVE);
                     check();
                     (void)::mremap(moved, 40 * kPage, 3 * kPage, 0);
                     check();
                     (void)::mmap(area, 4 * kPage, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                     check();
                     (void)::sbrk(33 * kPage);
                     check();
                     (void)::sbrk(-20 * static_cast<int>(kPage));
                     check();
                     (void)map_pages(1000, PROT_READ | PROT_WRITE, MAP_NORESERVE);
                     check();
                     void* later = map_pages(500, PROT_NONE, MAP_NORESERVE);
                     check();
                     (void)::mprotect(later, 200 * kPage, PROT_READ | PROT_WRITE);
                     check();
                     (void)::mmap(nullptr, 50 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
                     check();
                     (void)::mmap(nullptr, std::size_t{1} << 60, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);   // fails
                     check();
                     return 0;
                   }),
            0)
      << "step " << *step;
  EXPECT_EQ(*step, 16);
  EXPECT_EQ(settled(slot, UBC_PRIVVMPAGES, 0), 0U);
}

TEST(Privvmpages, StackGrowthCounts) {
  const std::uint32_t slot = fresh_slot();
  EXPECT_EQ(run_in(slot,
                   [&] {
                     adopt();
                     const std::uint64_t before = held(slot, UBC_PRIVVMPAGES);
                     touch_deep_stack();
                     return agrees(slot) && held(slot, UBC_PRIVVMPAGES) >= before + 150 ? 0 : 1;
                   }),
            0);
}

TEST(Privvmpages, AForkCopiesAllAndTheChildGivesItBack) {
  const std::uint32_t slot = fresh_slot();
  EXPECT_EQ(run_in(slot,
                   [&] {
                     adopt();
                     (void)map_pages(300, PROT_READ | PROT_WRITE, MAP_NORESERVE);
                     const std::uint64_t alone = held(slot, UBC_PRIVVMPAGES);
                     {
                       const Process child{[] { return ::pause(); }};
                       if (held(slot, UBC_PRIVVMPAGES) != private_pages(::getpid()) + private_pages(child.pid())) return 1;
                     }
                     return held(slot, UBC_PRIVVMPAGES) == alone ? 0 : 2;
                   }),
            0);
}

TEST(Privvmpages, VforkAndExecAreExactToThePage) {
  const std::uint32_t slot = fresh_slot();
  Process sleeper{joined(slot, [] { return ::execl("/bin/sleep", "sleep", "60", nullptr); })};
  for (int tries = 0; tries < 300 && held(slot, UBC_PRIVVMPAGES) == 0; ++tries) (void)::usleep(10'000);
  (void)::usleep(500'000);
  EXPECT_EQ(held(slot, UBC_PRIVVMPAGES), private_pages(sleeper.pid()));
  sleeper.kill();
  (void)sleeper.wait();
  EXPECT_EQ(settled(slot, UBC_PRIVVMPAGES, 0), 0U);
}

struct Way {
  const char* name;
  std::function<bool(std::size_t)> grow;   // by that many pages; false: refused
};

std::vector<Way> ways_to_grow() {
  static char* in_place = nullptr;
  return {
      {"mmap", [](std::size_t pages) { return map_pages(pages) != MAP_FAILED; }},
      {"mmap NORESERVE", [](std::size_t pages) { return map_pages(pages, PROT_READ | PROT_WRITE, MAP_NORESERVE) != MAP_FAILED; }},
      {"brk", [](std::size_t pages) { return ::sbrk(static_cast<intptr_t>(pages * kPage)) != reinterpret_cast<void*>(-1); }},
      {"mremap", [](std::size_t pages) { return ::mremap(map_pages(1), kPage, (pages + 1) * kPage, MREMAP_MAYMOVE) != MAP_FAILED; }},
      {"mremap in place",
       [](std::size_t pages) {
         if (in_place == nullptr) {
           in_place = static_cast<char*>(map_pages(4000, PROT_NONE));
           (void)::munmap(in_place, 4000 * kPage);
           in_place = static_cast<char*>(::mmap(in_place, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
         }
         return ::mremap(in_place, kPage, (pages + 1) * kPage, 0) != MAP_FAILED;
       }},
      {"mprotect", [](std::size_t pages) { return ::mprotect(map_pages(pages, PROT_READ), pages * kPage, PROT_READ | PROT_WRITE) == 0; }},
      {"mprotect NORESERVE",
       [](std::size_t pages) {
         return ::mprotect(map_pages(pages, PROT_NONE, MAP_NORESERVE), pages * kPage, PROT_READ | PROT_WRITE) == 0;
       }},
  };
}

TEST(Privvmpages, EachWayToGrowIsAllowedAtTheBarrierAndRefusedAboveItWithEnomem) {
  for (const Way& way : ways_to_grow()) {
    const std::uint32_t slot = fresh_slot();
    Shared<int> refused_with;
    EXPECT_EQ(run_in(slot,
                     [&] {
                       adopt();
                       const std::uint64_t now = held(slot, UBC_PRIVVMPAGES);
                       limit(slot, UBC_PRIVVMPAGES, now + 250, now + 250);
                       if (way.grow(400)) return 1;
                       *refused_with = errno;
                       if (!way.grow(200)) return 2;
                       if (held(slot, UBC_PRIVVMPAGES) > now + 250) return 3;
                       return maxheld(slot, UBC_PRIVVMPAGES) <= now + 250 ? 0 : 4;
                     }),
              0)
        << way.name;
    EXPECT_EQ(*refused_with, ENOMEM) << way.name;
    EXPECT_GE(failcnt(slot, UBC_PRIVVMPAGES), 1U) << way.name;
    EXPECT_EQ(settled(slot, UBC_PRIVVMPAGES, 0), 0U) << way.name;
  }
}

TEST(Privvmpages, AForkThatDoesNotFitIsRefusedWithEnomem) {
  const std::uint32_t slot = fresh_slot();
  EXPECT_EQ(run_in(slot,
                   [&] {
                     adopt();
                     (void)map_pages(2000);
                     const std::uint64_t now = held(slot, UBC_PRIVVMPAGES);
                     limit(slot, UBC_PRIVVMPAGES, now + 1000, now + 1000);
                     const pid_t pid = ::fork();
                     if (pid == 0) ::_exit(0);
                     if (pid > 0) return 1;
                     if (errno != ENOMEM) return 2;
                     limit(slot, UBC_PRIVVMPAGES, 2 * now + 100, 2 * now + 100);
                     const pid_t again = ::fork();
                     if (again == 0) ::_exit(0);
                     return again > 0 && ::waitpid(again, nullptr, 0) == again && held(slot, UBC_PRIVVMPAGES) == now ? 0 : 3;
                   }),
            0);
  EXPECT_EQ(settled(slot, UBC_PRIVVMPAGES, 0), 0U);
  EXPECT_EQ(settled(slot, UBC_NUMPROC, 0), 0U);
}

TEST(Privvmpages, ABarrierBelowHeldBlocksGrowthOnlyAndStackMayGoOnToTheLimit) {
  const std::uint32_t slot = fresh_slot();
  EXPECT_EQ(run_in(slot,
                   [&] {
                     adopt();
                     const std::uint64_t now = held(slot, UBC_PRIVVMPAGES);
                     limit(slot, UBC_PRIVVMPAGES, now - 10, now + 500);
                     if (map_pages(1) != MAP_FAILED) return 1;
                     touch_deep_stack();
                     return held(slot, UBC_PRIVVMPAGES) > now ? 0 : 2;
                   }),
            0);
}

TEST(Privvmpages, EightThreadsThatMapAndUnmapEndExact) {
  const std::uint32_t slot = fresh_slot();
  EXPECT_EQ(run_in(slot,
                   [&] {
                     adopt();
                     std::vector<std::thread> threads;
                     for (int i = 0; i < 8; ++i)
                       threads.emplace_back([] {
                         for (int round = 0; round < 300; ++round) {
                           void* area = map_pages(7);
                           (void)::mprotect(area, 3 * kPage, PROT_READ);
                           (void)::munmap(area, 7 * kPage);
                         }
                       });
                     for (std::thread& one : threads) one.join();
                     (void)bpf::audit_if_needed(attached_ledger());
                     return agrees(slot) ? 0 : 1;
                   }),
            0);
  EXPECT_EQ(settled(slot, UBC_PRIVVMPAGES, 0), 0U);
}

}  // namespace
}  // namespace ubc::test

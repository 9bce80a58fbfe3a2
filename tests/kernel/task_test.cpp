// SPDX-License-Identifier: Apache-2.0
// numproc on a real kernel: both sides of the barrier, threads, zombies, joining, and the host left alone.
#include <errno.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "bpf/hook_plan.h"
#include "bpf/kernel_support.h"
#include "tests/support/slot_process.h"

namespace ubc::test {
namespace {

/// Forks sleepers until refused; the errno of the refusal, and how many there are.
struct Bomb {
  int children = 0;
  int refused_with = 0;
};

void fork_until_refused(Bomb& bomb, int at_most) {
  for (int i = 0; i < at_most; ++i) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      (void)::pause();
      ::_exit(0);
    }
    if (pid < 0) {
      bomb.refused_with = errno;
      return;
    }
    ++bomb.children;
  }
}

TEST(KernelEnvironment, LoadsAndAttachesEveryHookOfThePlanAndEnforcesAll) {
  (void)attached_ledger();
  const bpf::KernelSupport seen = bpf::probe_kernel();
  const bpf::HookPlan plan = bpf::decide_hooks(seen, true);
  EXPECT_TRUE(plan.can_enforce()) << seen.lsm.reason << seen.fmod_ret.reason << seen.fentry.reason;
  const auto status = bpf::read_hook_status();
  ASSERT_TRUE(status) << status.error().message;
  std::size_t attached = 0;
  for (const bpf::HookGroup group : bpf::kHookGroups) attached += bpf::group_attached(group) ? plan.of(group).size() : 0;
  EXPECT_EQ(status->size(), attached);
}

TEST(Numproc, ForkIsAllowedAtTheBarrierAndRefusedAboveItWithEnomem) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_NUMPROC, 5, 9);
  Shared<Bomb> bomb;
  EXPECT_EQ(run_in(slot, [&] { return fork_until_refused(*bomb, 20), ::kill(0, 0), 0; }), 0);
  EXPECT_EQ(bomb->children, 4);   // and the forker itself
  EXPECT_EQ(bomb->refused_with, ENOMEM);
  EXPECT_EQ(held(slot, UBC_NUMPROC), 4U);
  EXPECT_EQ(maxheld(slot, UBC_NUMPROC), 5U);
  EXPECT_EQ(failcnt(slot, UBC_NUMPROC), 1U);
  Process killer{joined(slot, [] { return ::kill(-1, SIGKILL); })};   // one fits again
  (void)killer.wait();
  EXPECT_EQ(settled(slot, UBC_NUMPROC, 0), 0U);
}

TEST(Numproc, TheSwitchMakesARefusedForkSayEagain) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_NUMPROC, 1, 1);
  attached_ledger().set_fork_errno(EAGAIN);
  Shared<Bomb> bomb;
  EXPECT_EQ(run_in(slot, [&] { return fork_until_refused(*bomb, 3), 0; }), 0);
  attached_ledger().set_fork_errno(ENOMEM);
  EXPECT_EQ(bomb->children, 0);
  EXPECT_EQ(bomb->refused_with, EAGAIN);
}

TEST(Numproc, AZombieCountsUntilItIsReaped) {
  const std::uint32_t slot = fresh_slot();
  Shared<std::uint64_t> as_zombie, reaped;
  EXPECT_EQ(run_in(slot,
                   [&] {
                     const pid_t pid = ::fork();
                     if (pid == 0) ::_exit(0);
                     siginfo_t info{};
                     (void)::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
                     *as_zombie = held(slot, UBC_NUMPROC);
                     (void)::waitpid(pid, nullptr, 0);
                     *reaped = held(slot, UBC_NUMPROC);
                     return 0;
                   }),
            0);
  EXPECT_EQ(*as_zombie, 2U);
  EXPECT_EQ(*reaped, 1U);
}

TEST(Numproc, ThreadsCountAndTheRefusedOneLeavesNothing) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_NUMPROC, 4, 4);
  Shared<int> threads;
  EXPECT_EQ(run_in(slot,
                   [&] {
                     std::vector<std::thread> all;
                     try {
                       for (int i = 0; i < 10; ++i) all.emplace_back([] { (void)::usleep(200'000); });
                     } catch (const std::system_error&) {
                     }
                     *threads = static_cast<int>(all.size());
                     for (std::thread& one : all) one.join();
                     return 0;
                   }),
            0);
  EXPECT_EQ(*threads, 3);
  EXPECT_EQ(maxheld(slot, UBC_NUMPROC), 4U);
  EXPECT_EQ(settled(slot, UBC_NUMPROC, 0), 0U);
}

TEST(Numproc, ThreeHundredForksInARowFitBelowABarrierOfThree) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_NUMPROC, 3, 3);
  EXPECT_EQ(run_in(slot,
                   [] {
                     for (int i = 0; i < 300; ++i) {
                       const pid_t pid = ::fork();
                       if (pid == 0) ::_exit(0);
                       if (pid < 0 || ::waitpid(pid, nullptr, 0) != pid) return 1;
                     }
                     return 0;
                   }),
            0);
  EXPECT_EQ(failcnt(slot, UBC_NUMPROC), 0U);
}

TEST(Numproc, JoiningAFullContainerIsRefused) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_NUMPROC, 1, 1);
  Process first{joined(slot, [] { return ::pause(); })};
  EXPECT_EQ(settled(slot, UBC_NUMPROC, 1), 1U);
  EXPECT_EQ(run_in(slot, [] { return 0; }), 200);
  EXPECT_EQ(failcnt(slot, UBC_NUMPROC), 1U);
  EXPECT_EQ(held(slot, UBC_NUMPROC), 1U);
}

TEST(Numproc, ALimitBelowHeldIsAcceptedAndBlocksGrowthOnly) {
  const std::uint32_t slot = fresh_slot();
  Shared<Bomb> bomb;
  EXPECT_EQ(run_in(slot,
                   [&] {
                     fork_until_refused(*bomb, 6);
                     limit(slot, UBC_NUMPROC, 3, 3);
                     Bomb more;
                     fork_until_refused(more, 1);
                     const bool stayed = held(slot, UBC_NUMPROC) == 7 && more.children == 0;
                     limit(slot, UBC_NUMPROC, 8, 8);
                     fork_until_refused(more, 1);
                     (void)::signal(SIGTERM, SIG_IGN);
                     (void)::kill(-1, SIGTERM);
                     while (::wait(nullptr) > 0) {
                     }
                     return stayed && more.children == 1 ? 0 : 1;
                   }),
            0);
}

TEST(Numproc, TheHostsOwnProcessesAreNeverCharged) {
  (void)attached_ledger();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(Process{[] { return 0; }}.wait(), 0);
  for (const ubc_resource resource : {UBC_NUMPROC, UBC_NUMFILE, UBC_PRIVVMPAGES, UBC_NUMTCPSOCK, UBC_NUMOTHERSOCK})
    EXPECT_EQ(held(0, resource), 0U) << resource;
}

}  // namespace
}  // namespace ubc::test

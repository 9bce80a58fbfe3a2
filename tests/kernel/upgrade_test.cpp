// SPDX-License-Identifier: Apache-2.0
// Programs are replaced while a container is at full speed: what is held stays held, and nothing is counted twice, lost or let through.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <string>

#include "accounting/resource.h"
#include "bpf/kernel_support.h"
#include "os/directory.h"
#include "tests/support/sampler.h"
#include "tests/support/slot_process.h"
#include "tests/support/storm.h"

namespace ubc::test {
namespace {

Result<std::size_t> upgrade() {
  static const bpf::HookPlan plan = bpf::decide_hooks(bpf::probe_kernel(), true);
  return bpf::upgrade_hooks(plan, {.names = accounting::names_by_number()}, kContainersCgroup);
}

std::set<std::string> attached_programs() {
  std::set<std::string> names;
  const auto all = bpf::read_hook_status();
  for (const bpf::HookStatus& status : *all) names.insert(status.program);
  return names;
}

TEST(Upgrade, KeepsWhatIsHeldRefusedAndSetAndRefusesAsBefore) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_NUMFILE, 30, 30);
  const std::set<std::string> before = attached_programs();
  Shared<std::atomic<int>> phase;
  Process container{joined(slot, [&] {
    (void)::munmap(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);  // its memory is counted now
    int last = -1;
    for (int fd = 0; (fd = ::open("/dev/null", O_RDONLY)) >= 0;) last = fd;
    *phase = 1;
    while (*phase == 1) (void)::usleep(1000);
    const int failed = ::open("/dev/null", O_RDONLY) < 0 ? errno : 0;
    (void)::close(last);
    const bool again = ::open("/dev/null", O_RDONLY) >= 0;
    *phase = failed == ENFILE && again ? 3 : 4;
    return ::pause();
  })};
  for (int tries = 0; tries < 1000 && *phase == 0; ++tries) (void)::usleep(10'000);
  ASSERT_EQ(held(slot, UBC_NUMFILE), 30U);
  const std::uint64_t refused = failcnt(slot, UBC_NUMFILE), most = maxheld(slot, UBC_NUMFILE), memory = held(slot, UBC_PRIVVMPAGES);
  const auto replaced = upgrade();
  ASSERT_TRUE(replaced) << replaced.error().message;
  EXPECT_EQ(*replaced, before.size());
  EXPECT_EQ(attached_programs(), before);
  EXPECT_TRUE(bpf::programs_current());
  EXPECT_EQ(held(slot, UBC_NUMFILE), 30U);
  EXPECT_EQ(held(slot, UBC_NUMPROC), 1U);
  EXPECT_EQ(held(slot, UBC_PRIVVMPAGES), memory);
  EXPECT_EQ(failcnt(slot, UBC_NUMFILE), refused);
  EXPECT_EQ(maxheld(slot, UBC_NUMFILE), most);
  *phase = 2;
  for (int tries = 0; tries < 1000 && *phase == 2; ++tries) (void)::usleep(10'000);
  EXPECT_EQ(*phase, 3);  // refused with the same errno, and a place given back is found
  EXPECT_EQ(failcnt(slot, UBC_NUMFILE), refused + 1);
  container.kill();
  (void)container.wait();
  for (const ubc_resource resource : {UBC_NUMFILE, UBC_NUMPROC, UBC_PRIVVMPAGES}) EXPECT_EQ(settled(slot, resource, 0), 0U) << resource;
}

TEST(Upgrade, AtFullSpeedNothingIsLostCountedTwiceOrLetThrough) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_NUMPROC, 40, 40);
  limit(slot, UBC_NUMFILE, 500, 500);
  limit(slot, UBC_NUMTCPSOCK, 60, 60);
  limit(slot, UBC_NUMOTHERSOCK, 60, 60);
  const ubc_health before = attached_ledger().health();
  Shared<StormProgress> progress;
  Sampler sampler{attached_ledger(), slot};
  Process container{joined(slot, [&] {
    pid_t workers[kStormWorkers];
    start_storm(*progress, false, workers);
    for (const pid_t worker : workers) (void)::waitpid(worker, nullptr, 0);
    return ::pause();
  })};
  for (int tries = 0; tries < 600 && progress->left > kStormOperations * 9 / 10; ++tries) (void)::usleep(100'000);
  const long left = progress->left;
  const auto replaced = upgrade();
  ASSERT_TRUE(replaced) << replaced.error().message;
  EXPECT_GT(left, kStormOperations / 2);
  EXPECT_LT(progress->left, left - kStormOperations / 20);  // they went on meanwhile
  for (int tries = 0; tries < 3000 && progress->finished < kStormWorkers; ++tries) (void)::usleep(100'000);
  EXPECT_EQ(progress->finished, kStormWorkers);
  (void)::usleep(1'500'000);
  (void)bpf::audit();
  EXPECT_EQ(held(slot, UBC_NUMPROC), 1U);
  EXPECT_EQ(held(slot, UBC_NUMFILE), 0U);
  EXPECT_EQ(held(slot, UBC_PRIVVMPAGES), private_pages(container.pid()));
  container.kill();
  (void)container.wait();
  sampler.stop();
  for (const ubc_resource resource : kExact) {
    EXPECT_EQ(settled(slot, resource, 0), 0U) << resource;
    EXPECT_EQ(sampler.excess(resource), 0U) << resource;
  }
  const ubc_health after = attached_ledger().health();
  EXPECT_EQ(after.losses[UBC_LOSS_UNCHARGE_TOO_MUCH], before.losses[UBC_LOSS_UNCHARGE_TOO_MUCH]);
  EXPECT_EQ(after.losses[UBC_LOSS_OBJECT_TABLE_FULL], before.losses[UBC_LOSS_OBJECT_TABLE_FULL]);
}

TEST(Upgrade, WhatOneThatWasKilledHalfWayLeftIsClearedByTheNext) {
  (void)attached_ledger();
  const std::string pins = bpf::kPinDirectory;
  // As if it had died after it had pinned some of its links: one of those that run, once more, under the next generation's name.
  ASSERT_EQ(::mkdir((pins + "/next").c_str(), 0700), 0);
  ASSERT_EQ(::mkdir((pins + "/next/links").c_str(), 0700), 0);
  const std::string program = os::names_in(pins + "/links").value().front();
  ASSERT_EQ(::rename((pins + "/links/" + program).c_str(), (pins + "/next/links/" + program).c_str()), 0);
  ASSERT_TRUE(upgrade());
  EXPECT_NE(::access((pins + "/next").c_str(), F_OK), 0);
  EXPECT_EQ(::access((pins + "/links/" + program).c_str(), F_OK), 0);
}

}  // namespace
}  // namespace ubc::test

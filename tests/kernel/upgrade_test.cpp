// SPDX-License-Identifier: Apache-2.0
// Programs are replaced while a container is at full speed: what is held stays held, and nothing is counted twice, lost or let through.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
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

/// As if an upgrade had died after it had pinned some of its links: one of those that run, under the next generation's name.
void leave_half_an_upgrade() {
  (void)attached_ledger();
  const std::string pins = bpf::kPinDirectory;
  ASSERT_EQ(::mkdir((pins + "/next").c_str(), 0700), 0);
  ASSERT_EQ(::mkdir((pins + "/next/links").c_str(), 0700), 0);
  const std::string program = os::names_in(pins + "/links").value().front();
  ASSERT_EQ(::rename((pins + "/links/" + program).c_str(), (pins + "/next/links/" + program).c_str()), 0);
}

/// A container at its number of open files, that tries once more when it is told to.
class FullContainer {
 public:
  FullContainer() {
    limit(slot_, UBC_NUMFILE, 30, 30);
    process_ = std::make_unique<Process>(joined(slot_, [this] {
      (void)::munmap(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);  // its memory is counted now
      int last = -1;
      for (int fd = 0; (fd = ::open("/dev/null", O_RDONLY)) >= 0;) last = fd;
      *phase_ = 1;
      while (*phase_ == 1) (void)::usleep(1000);
      const int failed = ::open("/dev/null", O_RDONLY) < 0 ? errno : 0;
      (void)::close(last);
      const bool again = ::open("/dev/null", O_RDONLY) >= 0;
      *phase_ = failed == ENFILE && again ? 3 : 4;
      return ::pause();
    }));
    for (int tries = 0; tries < 1000 && *phase_ == 0; ++tries) (void)::usleep(10'000);
    EXPECT_EQ(held(slot_, UBC_NUMFILE), 30U);
    refused_ = failcnt(slot_, UBC_NUMFILE), most_ = maxheld(slot_, UBC_NUMFILE), memory_ = held(slot_, UBC_PRIVVMPAGES);
  }
  void expect_unchanged() const {
    EXPECT_EQ(held(slot_, UBC_NUMFILE), 30U);
    EXPECT_EQ(held(slot_, UBC_NUMPROC), 1U);
    EXPECT_EQ(held(slot_, UBC_PRIVVMPAGES), memory_);
    EXPECT_EQ(failcnt(slot_, UBC_NUMFILE), refused_);
    EXPECT_EQ(maxheld(slot_, UBC_NUMFILE), most_);
  }
  /// With the same errno, and a place given back is found.
  void expect_refused_as_before() {
    *phase_ = 2;
    for (int tries = 0; tries < 1000 && *phase_ == 2; ++tries) (void)::usleep(10'000);
    EXPECT_EQ(*phase_, 3);
    EXPECT_EQ(failcnt(slot_, UBC_NUMFILE), refused_ + 1);
    process_->kill();
    (void)process_->wait();
    for (const ubc_resource resource : {UBC_NUMFILE, UBC_NUMPROC, UBC_PRIVVMPAGES}) EXPECT_EQ(settled(slot_, resource, 0), 0U) << resource;
  }

 private:
  std::uint32_t slot_ = fresh_slot();
  Shared<std::atomic<int>> phase_;
  std::unique_ptr<Process> process_;
  std::uint64_t refused_ = 0, most_ = 0, memory_ = 0;
};

/// A container that forks, opens, maps and kills all the time, and whether any number was exceeded.
class StormyContainer {
 public:
  StormyContainer() {
    limit(slot_, UBC_NUMPROC, 40, 40);
    limit(slot_, UBC_NUMFILE, 500, 500);
    limit(slot_, UBC_NUMTCPSOCK, 60, 60);
    limit(slot_, UBC_NUMOTHERSOCK, 60, 60);
    process_ = std::make_unique<Process>(joined(slot_, [this] {
      pid_t workers[kStormWorkers];
      start_storm(*progress_, false, workers);
      for (const pid_t worker : workers) (void)::waitpid(worker, nullptr, 0);
      return ::pause();
    }));
    for (int tries = 0; tries < 600 && progress_->left > kStormOperations * 9 / 10; ++tries) (void)::usleep(100'000);
  }
  [[nodiscard]] long left() { return progress_->left; }
  void expect_nothing_lost() {
    for (int tries = 0; tries < 3000 && progress_->finished < kStormWorkers; ++tries) (void)::usleep(100'000);
    EXPECT_EQ(progress_->finished, kStormWorkers);
    (void)::usleep(1'500'000);
    (void)bpf::audit();
    EXPECT_EQ(held(slot_, UBC_NUMPROC), 1U);
    EXPECT_EQ(held(slot_, UBC_NUMFILE), 0U);
    EXPECT_EQ(held(slot_, UBC_PRIVVMPAGES), private_pages(process_->pid()));
    process_->kill();
    (void)process_->wait();
    sampler_.stop();
    for (const ubc_resource resource : kExact) {
      EXPECT_EQ(settled(slot_, resource, 0), 0U) << resource;
      EXPECT_EQ(sampler_.excess(resource), 0U) << resource;
    }
  }

 private:
  std::uint32_t slot_ = fresh_slot();
  Shared<StormProgress> progress_;
  Sampler sampler_{attached_ledger(), slot_};
  std::unique_ptr<Process> process_;
};

/// One upgrade for all that one shall keep: it takes minutes where each program's attaching is emulated.
TEST(Upgrade, AfterOneThatWasKilledHalfWayAndAtFullSpeedKeepsWhatIsHeldAndLosesCountsTwiceAndLetsThroughNothing) {
  const ubc_health before = attached_ledger().health();
  const std::set<std::string> programs = attached_programs();
  leave_half_an_upgrade();
  FullContainer full;
  StormyContainer stormy;
  const long left = stormy.left();
  const auto replaced = upgrade();
  ASSERT_TRUE(replaced) << replaced.error().message;
  full.expect_unchanged();
  EXPECT_GT(left, kStormOperations / 2);
  EXPECT_LT(stormy.left(), left - kStormOperations / 20);  // they went on meanwhile
  EXPECT_EQ(*replaced, programs.size());
  EXPECT_EQ(attached_programs(), programs);
  EXPECT_NE(::access((std::string{bpf::kPinDirectory} + "/next").c_str(), F_OK), 0);
  EXPECT_TRUE(bpf::programs_current());
  full.expect_refused_as_before();
  stormy.expect_nothing_lost();
  const ubc_health after = attached_ledger().health();
  EXPECT_EQ(after.losses[UBC_LOSS_UNCHARGE_TOO_MUCH], before.losses[UBC_LOSS_UNCHARGE_TOO_MUCH]);
  EXPECT_EQ(after.losses[UBC_LOSS_OBJECT_TABLE_FULL], before.losses[UBC_LOSS_OBJECT_TABLE_FULL]);
}

}  // namespace
}  // namespace ubc::test

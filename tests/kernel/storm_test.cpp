// SPDX-License-Identifier: Apache-2.0
// 200,000 mixed operations of many tasks on two CPUs, at the barrier: no sample above it, and nothing left when the container is gone.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/sampler.h"
#include "tests/support/slot_process.h"
#include "tests/support/storm.h"

namespace ubc::test {
namespace {

TEST(Storm, TwoHundredThousandMixedOperationsNeverExceedABarrierAndLeaveNothing) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_NUMPROC, 40, 40);
  limit(slot, UBC_NUMFILE, 500, 500);
  limit(slot, UBC_NUMTCPSOCK, 60, 60);
  limit(slot, UBC_NUMOTHERSOCK, 60, 60);
  Shared<StormProgress> progress;
  Sampler sampler{attached_ledger(), slot};
  Process container{joined(slot, [&] {
    (void)::munmap(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
    const std::uint64_t one = held(slot, UBC_PRIVVMPAGES);
    limit(slot, UBC_PRIVVMPAGES, one * (kStormWorkers + 5), one * (kStormWorkers + 5));
    pid_t workers[kStormWorkers];
    start_storm(*progress, false, workers);
    for (const pid_t worker : workers) (void)::waitpid(worker, nullptr, 0);
    return ::pause();
  })};
  for (int tries = 0; tries < 6000 && progress->finished < kStormWorkers; ++tries) (void)::usleep(100'000);
  EXPECT_EQ(progress->finished, kStormWorkers);
  EXPECT_GT(progress->passed, 1000);
  EXPECT_GT(progress->killed, 100);
  (void)::usleep(1'500'000);   // idle: what is left is the container's first process
  (void)bpf::audit_if_needed(attached_ledger());
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
  EXPECT_GT(sampler.samples(), 1000U);
  EXPECT_GT(failcnt(slot, UBC_NUMFILE), 0U);
  EXPECT_EQ(attached_ledger().health().losses[UBC_LOSS_UNCHARGE_TOO_MUCH], 0U);
}

/// A cgroup of the test's own; gone, with all that is in it, at the end.
class Cgroup {
 public:
  explicit Cgroup(const std::string& name) : path_{"/sys/fs/cgroup/" + name} { (void)::mkdir(path_.c_str(), 0755); }
  ~Cgroup() {
    kill();
    for (int tries = 0; tries < 100 && ::rmdir(path_.c_str()) != 0 && errno == EBUSY; ++tries) (void)::usleep(50'000);
  }
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;
  void enter() const { std::ofstream{path_ + "/cgroup.procs"} << "0\n"; }
  void kill() const { std::ofstream{path_ + "/cgroup.kill"} << "1\n"; }

 private:
  std::string path_;
};

TEST(Storm, AForkBombOnTwoCpusNeverPassesItsBarrierAndAnotherContainerForksOn) {
  const std::uint32_t slot = fresh_slot(), other = fresh_slot();
  limit(slot, UBC_NUMPROC, 40, 40);
  limit(other, UBC_NUMPROC, 3, 3);
  Sampler sampler{attached_ledger(), slot};
  const Cgroup cgroup{"ubc-test-bomb"};
  Process bomb{[&] {
    cgroup.enter();
    return joined(slot, [] {
      while (true) (void)::fork();
      return 0;
    })();
  }};
  EXPECT_EQ(settled(slot, UBC_NUMPROC, 40), 40U);
  EXPECT_EQ(run_in(other,
                   [] {
                     for (int i = 0; i < 20; ++i) {
                       const pid_t pid = ::fork();
                       if (pid == 0) ::_exit(0);
                       if (pid < 0 || ::waitpid(pid, nullptr, 0) != pid) return 1;
                     }
                     return 0;
                   }),
            0);
  cgroup.kill();
  (void)bomb.wait();
  sampler.stop();
  EXPECT_EQ(settled(slot, UBC_NUMPROC, 0), 0U);
  EXPECT_EQ(settled(slot, UBC_PRIVVMPAGES, 0), 0U);
  EXPECT_GT(failcnt(slot, UBC_NUMPROC), 10U);
}

TEST(Storm, AnOpenStormOfSixtyFourTasksNeverPassesItsBarrier) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_NUMFILE, 500, 500);
  Shared<std::atomic<long>> left;
  left->store(120'000);
  Sampler sampler{attached_ledger(), slot};
  Process hoarders{joined(slot, [&] {
    for (int i = 0; i < 64; ++i)
      if (::fork() == 0) {
        while (left->fetch_sub(1) > 0) {
          int ends[2];
          if (left->load() % 3 == 0)
            (void)::pipe(ends);
          else
            (void)::open("/dev/null", O_RDONLY);
        }
        (void)::pause();
      }
    return ::pause();
  })};
  for (int tries = 0; tries < 6000 && left->load() > 0; ++tries) (void)::usleep(100'000);
  EXPECT_LE(left->load(), 0);
  EXPECT_GE(held(slot, UBC_NUMFILE), 499U);
  EXPECT_LE(maxheld(slot, UBC_NUMFILE), 500U);
  {
    Process killer{joined(slot, [] { return ::kill(-1, SIGKILL); })};
    (void)killer.wait();
  }
  (void)hoarders.wait();
  sampler.stop();
  EXPECT_EQ(sampler.excess(UBC_NUMFILE), 0U);
  EXPECT_EQ(settled(slot, UBC_NUMFILE, 0), 0U);
  EXPECT_EQ(attached_ledger().health().losses[UBC_LOSS_REFUSAL_SKIPPED], 0U);
}

}  // namespace
}  // namespace ubc::test

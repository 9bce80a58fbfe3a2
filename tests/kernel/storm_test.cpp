// SPDX-License-Identifier: Apache-2.0
// 200,000 mixed operations of many tasks on two CPUs, at the barrier: no sample above it, and nothing left when the container is gone.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
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
  const auto skipped = [] { return attached_ledger().health().losses[UBC_LOSS_REFUSAL_SKIPPED]; };
  const std::uint64_t skipped_before = skipped();   // by mlock(), in other tests
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
  EXPECT_EQ(skipped(), skipped_before);
}

/// Locks that are held (not waited for) anywhere on this host.
std::uint64_t locks_on_host() {
  std::ifstream file{"/proc/locks"};
  std::uint64_t count = 0;
  for (std::string line; std::getline(file, line);) count += line.find("->") == std::string::npos ? 1 : 0;
  return count;
}

/// One worker's share of locks that conflict, split, merge and wait.
void churn_locks(std::atomic<long>& left, const char* path, unsigned seed) {
  const int fd = ::open(path, O_RDWR), whole = ::open(path, O_RDWR);
  while (left.fetch_sub(1) > 0) {
    seed = seed * 1103515245 + 12345;
    struct flock range{};
    range.l_type = (seed >> 16) % 3 == 0 ? F_UNLCK : F_WRLCK;   // one type: a request that splits the other's adds two
    range.l_start = (seed >> 18) % 512;
    range.l_len = 1 + (seed >> 24) % 8;
    (void)::alarm(1);   // waiters may deadlock through a flock: the kernel sees only what fcntl waits for
    if ((seed >> 16) % 5 == 0)
      (void)::flock(whole, (seed >> 20) % 3 == 0 ? LOCK_UN : LOCK_SH);
    else
      (void)::fcntl(fd, (seed >> 22) % 8 == 0 ? F_SETLKW : F_SETLK, &range);
    (void)::alarm(0);
  }
}

TEST(Storm, ALockStormOfSixtyFourTasksNeverPassesItsLimitAndIsCountedToTheLast) {
  const std::uint32_t slot = fresh_slot();
  const char* path = "/tmp/ubc-lock-storm";
  const int fd = ::open(path, O_RDWR | O_CREAT, 0666);
  (void)::fchmod(fd, 0666);
  limit(slot, UBC_NUMFLOCK, 60, 60);
  const std::uint64_t before = locks_on_host();
  Shared<std::atomic<long>> left;
  left->store(60'000);
  Sampler sampler{attached_ledger(), slot};
  Process container{joined(slot, [&] {
    struct sigaction interrupt{};
    interrupt.sa_handler = [](int) {};
    (void)::sigaction(SIGALRM, &interrupt, nullptr);
    for (int i = 0; i < 64; ++i)
      if (::fork() == 0) {
        churn_locks(*left, path, static_cast<unsigned>(i) * 7919 + 1);
        (void)::pause();
      }
    return ::pause();
  })};
  for (int tries = 0; tries < 6000 && left->load() > -64; ++tries) (void)::usleep(100'000);
  EXPECT_LE(left->load(), -64);   // every worker has seen the end
  EXPECT_EQ(held(slot, UBC_NUMFLOCK), locks_on_host() - before);
  EXPECT_GT(held(slot, UBC_NUMFLOCK), 0U);
  EXPECT_GT(failcnt(slot, UBC_NUMFLOCK), 0U);
  {
    Process killer{joined(slot, [] { return ::kill(-1, SIGKILL); })};
    (void)killer.wait();
  }
  (void)container.wait();
  sampler.stop();
  EXPECT_EQ(settled(slot, UBC_NUMFLOCK, 0), 0U);
  EXPECT_EQ(sampler.excess(UBC_NUMFLOCK), 0U);
  EXPECT_LE(maxheld(slot, UBC_NUMFLOCK), 60U);
  (void)::close(fd);
}

}  // namespace
}  // namespace ubc::test

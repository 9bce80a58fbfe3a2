// SPDX-License-Identifier: Apache-2.0
// Groups on a real kernel: the sum of two containers, who refuses and is told so, and what each way of release gives back to both.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "bpf/refusal_log.h"
#include "tests/support/sampler.h"
#include "tests/support/socket_buffers.h"
#include "tests/support/storm.h"

namespace ubc::test {
namespace {

std::uint32_t fresh_member(std::uint32_t group) {
  const std::uint32_t slot = fresh_slot();
  const auto joined_group = attached_ledger().join(slot, group);
  EXPECT_TRUE(joined_group);
  return slot;
}

int open_null() { return ::open("/dev/null", O_RDONLY); }

struct Made {
  std::atomic<int> granted = 0, failed_with = 0;
  std::atomic<bool> done = false;
};

/// A process of the slot that calls `make` until it fails, or `most` times, and keeps what it made.
class Holder {
 public:
  Holder(std::uint32_t slot, int most, std::function<int()> make)
      : process_{joined(slot, [this, most, make = std::move(make)] {
          for (; made_->granted < most; ++made_->granted)
            if (make() < 0) {
              made_->failed_with = errno;
              break;
            }
          made_->done = true;
          for (;;) (void)::pause();
          return 0;
        })} {
    EXPECT_TRUE(comes_true([this] { return made_->done.load(); }));
  }
  [[nodiscard]] int granted() const { return made_->granted; }
  [[nodiscard]] int failed_with() const { return made_->failed_with; }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  void kill() {
    process_.kill();
    EXPECT_EQ(process_.wait(), 128 + SIGKILL);
  }

 private:
  mutable Shared<Made> made_;
  Process process_;
};

TEST(Group, TheSumOfItsContainersMayEqualItsBarrierAndNoMore) {
  const std::uint32_t group = fresh_slot(), first = fresh_member(group), second = fresh_member(group), outside = fresh_slot();
  limit(group, UBC_NUMFILE, 10, 12);
  Holder a{first, 6, open_null}, b{second, 100, open_null};
  EXPECT_EQ(a.granted(), 6);
  EXPECT_EQ(b.granted(), 4);
  EXPECT_EQ(b.failed_with(), ENFILE);
  EXPECT_EQ(held(first, UBC_NUMFILE), 6U);
  EXPECT_EQ(held(second, UBC_NUMFILE), 4U);
  EXPECT_EQ(held(group, UBC_NUMFILE), 10U);
  EXPECT_EQ(maxheld(second, UBC_NUMFILE), 4U) << "raised on success only";
  EXPECT_EQ(maxheld(group, UBC_NUMFILE), 10U);
  EXPECT_EQ(failcnt(group, UBC_NUMFILE), 1U);
  EXPECT_EQ(failcnt(first, UBC_NUMFILE) + failcnt(second, UBC_NUMFILE), 0U);
  const Holder c{outside, 20, open_null};
  EXPECT_EQ(c.granted(), 20) << "not of the group";
  EXPECT_EQ(failcnt(outside, UBC_NUMFILE), 0U);
  a.kill();
  EXPECT_EQ(settled(group, UBC_NUMFILE, 4), 4U) << "what one gives back the other may take";
  limit(group, UBC_NUMFILE, 13, 13);
  const Holder d{second, 100, open_null};
  EXPECT_EQ(d.granted(), 9) << "live";
  EXPECT_EQ(held(group, UBC_NUMFILE), held(second, UBC_NUMFILE));
}

TEST(Group, AContainersOwnNumberRefusesFirstWhereItIsTighter) {
  const std::uint32_t group = fresh_slot(), slot = fresh_member(group);
  limit(group, UBC_NUMFILE, 10, 10);
  limit(slot, UBC_NUMFILE, 3, 3);
  const Holder holder{slot, 100, open_null};
  EXPECT_EQ(holder.granted(), 3);
  EXPECT_EQ(failcnt(slot, UBC_NUMFILE), 1U);
  EXPECT_EQ(failcnt(group, UBC_NUMFILE), 0U);
  EXPECT_EQ(held(group, UBC_NUMFILE), 3U);
  EXPECT_EQ(maxheld(group, UBC_NUMFILE), 3U);
}

TEST(Group, AForkOverItsBarrierFailsWithEnomem) {
  const std::uint32_t group = fresh_slot(), first = fresh_member(group), second = fresh_member(group);
  limit(group, UBC_NUMPROC, 7, 7);
  const auto fork_one = [] {
    const pid_t pid = ::fork();
    if (pid == 0)
      for (;;) (void)::pause();
    return pid;
  };
  Holder a{first, 4, fork_one}, b{second, 100, fork_one};
  EXPECT_EQ(b.failed_with(), ENOMEM);
  EXPECT_EQ(held(group, UBC_NUMPROC), 7U);
  EXPECT_EQ(held(first, UBC_NUMPROC) + held(second, UBC_NUMPROC), 7U);
  EXPECT_EQ(failcnt(group, UBC_NUMPROC), 1U);
  EXPECT_EQ(failcnt(second, UBC_NUMPROC), 0U);
  EXPECT_EQ(run_in(second, [] { return 0; }), 200) << "who joins is refused as well";
  EXPECT_EQ(failcnt(group, UBC_NUMPROC), 2U);
  limit(group, UBC_NUMPROC, 8, 8);
  for (const std::uint32_t slot : {first, second}) (void)run_in(slot, [] { return ::kill(-1, SIGKILL); });
  a.kill();   // reaped: a zombie counts
  b.kill();
  EXPECT_EQ(settled(group, UBC_NUMPROC, 0), 0U);
}

TEST(Group, ItsRefusalIsToldAsItsOwnAndAsTheContainers) {
  const std::uint32_t group = fresh_slot(), slot = fresh_member(group);
  const auto log = bpf::RefusalLog::open();
  ASSERT_TRUE(log);
  const std::uint64_t before = log->written();
  limit(group, UBC_NUMFILE, 3, 5);
  limit(slot, UBC_NUMFILE, 8, 9);
  const Holder holder{slot, 100, open_null};
  const auto batch = log->since(before);
  ASSERT_EQ(batch.entries.size(), 1U);
  const auto of_member = bpf::LastRefusals::open(slot), of_group = bpf::LastRefusals::open(group);
  ASSERT_TRUE(of_member);
  ASSERT_TRUE(of_group);
  for (const std::optional<ubc_refusal>& told : {std::optional{batch.entries[0]}, of_member->of(UBC_NUMFILE), of_group->of(UBC_NUMFILE)}) {
    ASSERT_TRUE(told);
    EXPECT_EQ(told->slot, slot);
    EXPECT_EQ(told->group, group);
    EXPECT_EQ(told->resource, UBC_NUMFILE);
    EXPECT_EQ(told->severity, UBC_REFUSE_OVER_BARRIER);
    EXPECT_EQ(told->held, 3U);
    EXPECT_EQ(told->barrier, 3U);
    EXPECT_EQ(told->limit, 5U);
    EXPECT_EQ(told->pid, static_cast<std::uint32_t>(holder.pid()));
    EXPECT_EQ(told->system_call, static_cast<std::uint32_t>(SYS_openat));
  }
  limit(slot, UBC_NUMFILE, 3, 9);
  (void)run_in(slot, open_null);
  EXPECT_EQ(of_member->of(UBC_NUMFILE)->group, 0U) << "its own number this time";
  EXPECT_EQ(of_group->of(UBC_NUMFILE)->time_ns, batch.entries[0].time_ns);
}

TEST(Group, PaysForWhatWasPassedToAnotherProcessUntilThatClosesIt) {
  const std::uint32_t group = fresh_slot(), slot = fresh_member(group);
  Holder holder{slot, 5, open_null};
  const auto pidfd = static_cast<int>(::syscall(SYS_pidfd_open, holder.pid(), 0));
  const int last = ::open("/dev/null", O_RDONLY);   // of this process, which had the same descriptors before the fork
  (void)::close(last);
  const auto taken = static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, last, 0));
  ASSERT_GE(taken, 0);
  holder.kill();
  EXPECT_EQ(settled(group, UBC_NUMFILE, 1), 1U);
  EXPECT_EQ(held(slot, UBC_NUMFILE), 1U);
  (void)::close(taken);
  (void)::close(pidfd);
  EXPECT_EQ(settled(group, UBC_NUMFILE, 0), 0U);
  EXPECT_EQ(held(slot, UBC_NUMFILE), 0U);
}

TEST(Group, MemoryOverItsBarrierIsRefusedAndUnmappingGivesItBack) {
  constexpr std::size_t kPage = 4096;
  const std::uint32_t group = fresh_slot(), first = fresh_member(group), second = fresh_member(group);
  const auto map = [](std::size_t pages) {
    return ::mmap(nullptr, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  };
  const Holder other{first, 1, [&] { return map(50) == MAP_FAILED ? -1 : 0; }};
  EXPECT_EQ(run_in(second,
                   [&] {
                     (void)::munmap(map(1), kPage);   // the address space is adopted in full
                     const std::uint64_t base = held(group, UBC_PRIVVMPAGES);
                     if (base != held(first, UBC_PRIVVMPAGES) + held(second, UBC_PRIVVMPAGES)) return 1;
                     limit(group, UBC_PRIVVMPAGES, base + 100, base + 100);
                     void* area = map(100);
                     if (area == MAP_FAILED) return 2;
                     if (map(1) != MAP_FAILED || errno != ENOMEM) return 3;
                     if (held(group, UBC_PRIVVMPAGES) != base + 100) return 4;
                     if (::munmap(area, 40 * kPage) != 0 || held(group, UBC_PRIVVMPAGES) != base + 60) return 5;
                     if (map(41) != MAP_FAILED || map(40) == MAP_FAILED) return 6;
                     const pid_t child = ::fork();   // copies all that it has
                     if (child == 0) ::_exit(0);
                     return child == -1 && errno == ENOMEM ? 0 : 7;
                   }),
            0);
  EXPECT_EQ(failcnt(group, UBC_PRIVVMPAGES), 3U);
  EXPECT_EQ(failcnt(second, UBC_PRIVVMPAGES), 0U);
  EXPECT_EQ(settled(group, UBC_PRIVVMPAGES, held(first, UBC_PRIVVMPAGES)), held(first, UBC_PRIVVMPAGES));
}

using GroupBuffers = SocketBuffers;

TEST_F(GroupBuffers, UnixSendersOfTwoContainersStopAtTheBarrierOfTheirSum) {
  const std::uint32_t group = fresh_slot(), first = fresh_member(group), second = fresh_member(group);
  limit(group, UBC_OTHERSOCKBUF, 60 * kKiB, 60 * kKiB);
  limit(first, UBC_OTHERSOCKBUF, 30 * kKiB, 30 * kKiB);
  const auto fill = [] { return send_until_refused(unix_pair().sender, 1000).failed_with == ENOBUFS ? -1 : 0; };
  Holder a{first, 8, fill};
  EXPECT_EQ(failcnt(first, UBC_OTHERSOCKBUF), 1U);
  EXPECT_EQ(failcnt(group, UBC_OTHERSOCKBUF), 0U);
  const Holder b{second, 8, fill};
  EXPECT_EQ(failcnt(second, UBC_OTHERSOCKBUF), 0U);
  EXPECT_EQ(failcnt(group, UBC_OTHERSOCKBUF), 1U);
  EXPECT_EQ(held(group, UBC_OTHERSOCKBUF), held(first, UBC_OTHERSOCKBUF) + held(second, UBC_OTHERSOCKBUF));
  EXPECT_GT(held(group, UBC_OTHERSOCKBUF), 50 * kKiB);
  EXPECT_LE(maxheld(group, UBC_OTHERSOCKBUF), 60 * kKiB);
  a.kill();
  EXPECT_EQ(settled(group, UBC_OTHERSOCKBUF, held(second, UBC_OTHERSOCKBUF)), held(second, UBC_OTHERSOCKBUF));
}

TEST_F(GroupBuffers, AboveTheGroupsBarrierEachSocketTakesItsShareAndNoMore) {
  const std::uint32_t group = fresh_slot(), slot = fresh_member(group);
  limit(group, UBC_NUMOTHERSOCK, 8, 8);
  limit(group, UBC_OTHERSOCKBUF, 40 * kKiB, 104 * kKiB);   // a share is 8 KiB
  Shared<std::uint64_t> one, two;
  EXPECT_EQ(run_in(slot,
                   [&] {
                     const Pair first = unix_pair(), second = unix_pair();
                     if (send_until_refused(first.sender, 1000).failed_with != ENOBUFS) return 1;
                     *one = held(group, UBC_OTHERSOCKBUF);
                     if (send_until_refused(second.sender, 1000).failed_with != ENOBUFS) return 2;
                     *two = held(group, UBC_OTHERSOCKBUF);
                     return 0;
                   }),
            0);
  EXPECT_GT(*one, 44 * kKiB);
  EXPECT_LE(*one, 48 * kKiB);
  EXPECT_GT(*two, *one + 5 * kKiB);
  EXPECT_LE(*two, *one + 8 * kKiB);
  EXPECT_EQ(failcnt(group, UBC_OTHERSOCKBUF), 2U);
  EXPECT_EQ(failcnt(slot, UBC_OTHERSOCKBUF), 0U);
}

TEST_F(GroupBuffers, ADatagramOverTheGroupsBarrierIsDropped) {
  const std::uint32_t group = fresh_slot(), slot = fresh_member(group);
  limit(group, UBC_DGRAMRCVBUF, 64 * kKiB, 64 * kKiB);
  EXPECT_EQ(run_in(slot,
                   [&] {
                     sockaddr_in address{};
                     const int receiver = bound_socket(SOCK_DGRAM, address), sender = ::socket(AF_INET, SOCK_DGRAM, 0);
                     if (::connect(sender, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return 1;
                     for (int i = 0; i < 200; ++i) (void)::send(sender, &address, sizeof address, MSG_DONTWAIT);
                     return read_all(receiver) < 200 * sizeof address ? 0 : 2;
                   }),
            0);
  EXPECT_GT(failcnt(group, UBC_DGRAMRCVBUF), 0U);
  EXPECT_EQ(failcnt(slot, UBC_DGRAMRCVBUF), 0U);
  EXPECT_LE(maxheld(group, UBC_DGRAMRCVBUF), 64 * kKiB);
  EXPECT_EQ(settled(group, UBC_DGRAMRCVBUF, 0), 0U);
}

/// A container that storms until nothing is left to do, and then stands still with what it holds.
class Storming {
 public:
  explicit Storming(std::uint32_t slot) : slot_{slot} {
    progress_->left = 40'000;
    process_ = std::make_unique<Process>(joined(slot, [this] {
      pid_t workers[kStormWorkers];
      start_storm(*progress_, true, workers);
      *started_ = static_cast<int>(std::ranges::count_if(workers, [](pid_t pid) { return pid > 0; }));
      return ::pause();
    }));
  }
  void await() {
    for (int tries = 0; tries < 1200 && (*started_ == 0 || progress_->finished < *started_); ++tries) (void)::usleep(100'000);
    EXPECT_EQ(progress_->finished, *started_);
    EXPECT_GT(*started_, kStormWorkers / 2) << "the other's children may have left no place for the last";
  }
  void kill() {
    (void)run_in(slot_, [] { return ::kill(-1, SIGKILL); });
    (void)process_->wait();
  }

 private:
  std::uint32_t slot_;
  Shared<StormProgress> progress_;
  Shared<std::atomic<int>> started_;
  std::unique_ptr<Process> process_;
};

TEST(Group, AStormOfTwoContainersNeverExceedsItsBarriersAndItsHeldIsTheirSum) {
  const std::uint32_t group = fresh_slot(), first = fresh_member(group), second = fresh_member(group), outside = fresh_slot();
  limit(group, UBC_NUMPROC, 80, 80);
  limit(group, UBC_NUMFILE, 600, 600);
  limit(group, UBC_NUMTCPSOCK, 60, 60);
  limit(group, UBC_NUMOTHERSOCK, 60, 60);
  const std::uint64_t lost = attached_ledger().health().losses[UBC_LOSS_UNCHARGE_TOO_MUCH];
  const Holder bystander{outside, 10, open_null};
  Sampler sampler{attached_ledger(), group};
  Storming a{first}, b{second};
  a.await();
  b.await();
  (void)::usleep(1'500'000);   // what goes after an RCU grace period is gone
  (void)bpf::audit_if_needed(attached_ledger());
  for (const ubc_resource resource : kExact) {
    const std::uint64_t sum = held(first, resource) + held(second, resource);
    EXPECT_EQ(settled(group, resource, sum), sum) << resource;
    EXPECT_EQ(failcnt(first, resource) + failcnt(second, resource), 0U) << resource;
  }
  for (const ubc_resource resource : {UBC_NUMPROC, UBC_NUMFILE, UBC_NUMTCPSOCK, UBC_NUMOTHERSOCK}) {
    EXPECT_EQ(maxheld(group, resource), attached_ledger().read(group, resource).barrier) << resource << ": it was met";
    EXPECT_GT(failcnt(group, resource), 0U) << resource;
  }
  a.kill();
  b.kill();
  sampler.stop();
  EXPECT_GT(sampler.samples(), 1000U);
  for (const ubc_resource resource : kExact) {
    EXPECT_EQ(settled(group, resource, 0), 0U) << resource;
    EXPECT_EQ(sampler.excess(resource), 0U) << resource;
  }
  EXPECT_EQ(attached_ledger().health().losses[UBC_LOSS_UNCHARGE_TOO_MUCH], lost);
  EXPECT_EQ(held(outside, UBC_NUMFILE), 10U);
  EXPECT_EQ(failcnt(outside, UBC_NUMFILE), 0U);
}

}  // namespace
}  // namespace ubc::test

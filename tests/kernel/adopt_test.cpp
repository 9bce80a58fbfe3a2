// SPDX-License-Identifier: Apache-2.0
// Adoption on a real kernel: a cgroup that runs already is limited; nested cgroups, release, and a storm through it all.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/support/adopted_cgroup.h"

namespace ubc::test {
namespace {

constexpr ubc_resource kCounted[] = {UBC_NUMPROC, UBC_NUMFILE, UBC_NUMTCPSOCK, UBC_NUMOTHERSOCK, UBC_PRIVVMPAGES};

TEST(Adopt, AfterAdoptionTheBarrierRefusesWithTheRightErrnoAndAnotherContainerIsUnaffected) {
  const std::uint32_t slot = fresh_slot(), other = fresh_slot();
  const Cgroup cgroup{"ubc-adopt-refuse"}, beside{"ubc-adopt-beside"};
  Shared<Talk> talk;
  Process workload{[&] {
    cgroup.enter();
    close_inherited();
    ++talk->ready;
    while (!talk->go) (void)::usleep(1'000);
    for (int i = 0; i < 3; ++i) talk->errnos[0] = ::open("/dev/null", O_RDONLY) < 0 ? errno : 0;
    (void)::close(0);
    const pid_t pid = ::fork();
    if (pid == 0) return ::pause();
    talk->errnos[1] = pid < 0 ? errno : 0;
    talk->errnos[2] = ::fork() < 0 ? errno : 0;
    talk->errnos[3] = ::socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0;
    ++talk->ready;
    return ::pause();
  }};
  Process bystander{[&] {
    beside.enter();
    return ::pause();
  }};
  await(talk->ready, 1);
  adopt(cgroup, slot);
  adopt(beside, other);
  const std::uint64_t bystanders = held(other, UBC_NUMFILE);
  EXPECT_EQ(held(slot, UBC_NUMPROC), 1U);
  limit(slot, UBC_NUMFILE, held(slot, UBC_NUMFILE) + 2, held(slot, UBC_NUMFILE) + 9);
  limit(slot, UBC_NUMPROC, 2, 2);
  limit(slot, UBC_NUMTCPSOCK, 0, 0);
  talk->go = true;
  await(talk->ready, 2);
  EXPECT_EQ(talk->errnos[0], ENFILE);
  EXPECT_EQ(talk->errnos[1], 0);
  EXPECT_EQ(talk->errnos[2], ENOMEM);
  EXPECT_EQ(talk->errnos[3], ENOBUFS);
  EXPECT_EQ(failcnt(slot, UBC_NUMPROC), 1U);
  EXPECT_EQ(failcnt(slot, UBC_NUMFILE), 1U);
  EXPECT_EQ(maxheld(slot, UBC_NUMPROC), 2U);
  EXPECT_EQ(held(other, UBC_NUMPROC), 1U);
  EXPECT_EQ(held(other, UBC_NUMFILE), bystanders);
  for (const ubc_resource resource : kCounted) EXPECT_EQ(failcnt(other, resource), 0U) << resource;
  release(beside, other);
}

TEST(Adopt, ACgroupMadeInsidePaysItsNearestAdoptedAncestorUntilItIsRemoved) {
  const std::uint32_t slot = fresh_slot();
  const Cgroup outer{"ubc-adopt-nested"};
  adopt(outer, slot);
  const std::uint64_t before = attached_ledger().settings().cgroup_slots;
  {
    const Cgroup inner{"ubc-adopt-nested/a"}, leaf{"ubc-adopt-nested/a/b"};
    EXPECT_EQ(bpf::slot_of_cgroup(bpf::kPinDirectory, leaf.id()).value_or(0), slot);
    EXPECT_EQ(attached_ledger().settings().cgroup_slots, before + 2);
    Process inside{[&] {
      leaf.enter();
      return ::pause();
    }};
    EXPECT_EQ(settled(slot, UBC_NUMPROC, 1), 1U);
    const std::uint32_t nearest = fresh_slot();
    adopt(inner, nearest, slot);
    EXPECT_EQ(held(slot, UBC_NUMPROC), 1U) << "the leaf is its own cgroup: whoever adopts maps each";
    const auto mapped = bpf::map_cgroup(bpf::kPinDirectory, leaf.id(), nearest);
    ASSERT_TRUE(mapped);
    ASSERT_TRUE(bpf::take_census(bpf::kPinDirectory, attached_ledger(), nearest, slot));
    EXPECT_EQ(held(slot, UBC_NUMPROC), 0U);
    EXPECT_EQ(held(nearest, UBC_NUMPROC), 1U);
    release(inner, nearest);
    EXPECT_EQ(bpf::slot_of_cgroup(bpf::kPinDirectory, leaf.id()).value_or(1), 0U);
  }
  EXPECT_EQ(attached_ledger().settings().cgroup_slots, before);
  release(outer, slot);
  EXPECT_EQ(attached_ledger().settings().cgroup_slots, before - 1);
}

TEST(Adopt, TwoCgroupsThatShareAPlaceInTheTableAreBothFoundAndBothForgotten) {
  const std::uint32_t one = fresh_slot(), two = fresh_slot();
  const std::uint64_t id = 0x1234567, twin = id + UBC_CGROUP_SLOTS;   // no such cgroups: only their ids matter
  const std::uint64_t before = attached_ledger().settings().cgroup_slots;
  ASSERT_TRUE(bpf::map_cgroup(bpf::kPinDirectory, id, one));
  ASSERT_TRUE(bpf::map_cgroup(bpf::kPinDirectory, twin, two));
  EXPECT_EQ(attached_ledger().settings().cgroups_aside, 1U);
  EXPECT_EQ(bpf::slot_of_cgroup(bpf::kPinDirectory, id).value_or(0), one);
  EXPECT_EQ(bpf::slot_of_cgroup(bpf::kPinDirectory, twin).value_or(0), two);
  ASSERT_TRUE(bpf::unmap_cgroup(bpf::kPinDirectory, id));
  EXPECT_EQ(bpf::slot_of_cgroup(bpf::kPinDirectory, twin).value_or(0), two);
  ASSERT_TRUE(bpf::map_cgroup(bpf::kPinDirectory, twin, one));   // its own place is free now, but it stays where it is
  EXPECT_EQ(bpf::slot_of_cgroup(bpf::kPinDirectory, twin).value_or(0), one);
  ASSERT_TRUE(bpf::forget_slot(bpf::kPinDirectory, one));
  EXPECT_EQ(bpf::slot_of_cgroup(bpf::kPinDirectory, twin).value_or(1), 0U);
  EXPECT_EQ(attached_ledger().settings().cgroups_aside, 0U);
  EXPECT_EQ(attached_ledger().settings().cgroup_slots, before);
}

/// The table of cgroups is full where the next cgroups' ids will fall: each file of a cgroup takes an id too.
void fill_table(std::uint32_t slot, std::uint64_t last_id) {
  std::vector<std::uint64_t> mapped;
  for (std::uint64_t next = 1; next <= 1024; ++next) mapped.push_back(last_id + next + (std::uint64_t{1} << 40));   // their places
  for (std::uint64_t i = 0; i < UBC_CGROUPS_ASIDE; ++i) mapped.push_back(last_id + 1 + ((i + 2) << 44));             // and the map aside
  for (const std::uint64_t id : mapped) EXPECT_TRUE(bpf::map_cgroup(bpf::kPinDirectory, id, slot)) << id;
}

TEST(Adopt, ACgroupThatFindsNoRoomInTheTableIsFoundByItsAncestors) {
  const std::uint32_t slot = fresh_slot(), filler = fresh_slot();
  const Cgroup outer{"ubc-adopt-full"};
  adopt(outer, slot);
  fill_table(filler, outer.id());
  const std::uint64_t lost = attached_ledger().health().losses[UBC_LOSS_CGROUP_UNMAPPED];
  {
    const Cgroup inner{"ubc-adopt-full/a"}, leaf{"ubc-adopt-full/a/b"};
    EXPECT_EQ(attached_ledger().health().losses[UBC_LOSS_CGROUP_UNMAPPED], lost + 2);
    EXPECT_EQ(bpf::slot_of_cgroup(bpf::kPinDirectory, leaf.id()).value_or(1), 0U);
    Shared<Talk> talk;
    Process inside{[&] {
      leaf.enter();
      if (::fork() == 0) return ::pause();
      (void)::socket(AF_INET, SOCK_STREAM, 0);
      ++talk->ready;
      return ::pause();
    }};
    await(talk->ready, 1);
    EXPECT_EQ(held(slot, UBC_NUMPROC), 2U);
    EXPECT_EQ(held(slot, UBC_NUMTCPSOCK), 1U);
  }
  EXPECT_EQ(settled(slot, UBC_NUMPROC, 0), 0U);
  ASSERT_TRUE(bpf::forget_slot(bpf::kPinDirectory, filler));
  EXPECT_EQ(attached_ledger().settings().cgroups_aside, 0U);
  release(outer, slot);
}

TEST(Adopt, ReleaseLeavesNoRecordSoTheSlotIsIdleAndLaterFreesChangeNothing) {
  const std::uint32_t slot = fresh_slot();
  const Cgroup cgroup{"ubc-adopt-release"};
  Shared<Talk> talk;
  Process workload{[&] {
    cgroup.enter();
    for (int i = 0; i < 20; ++i) (void)::open("/dev/null", O_RDONLY);
    ++talk->ready;
    return ::pause();
  }};
  await(talk->ready, 1);
  adopt(cgroup, slot);
  EXPECT_GE(held(slot, UBC_NUMFILE), 20U);
  EXPECT_FALSE(attached_ledger().idle(slot));
  release(cgroup, slot);
  EXPECT_TRUE(attached_ledger().idle(slot));
  workload.kill();
  (void)workload.wait();
  EXPECT_TRUE(attached_ledger().idle(slot));
  EXPECT_EQ(attached_ledger().health().losses[UBC_LOSS_UNCHARGE_TOO_MUCH], 0U);
}

/// Forks, opens and maps without end; each child ends after a moment.
int churn_for_ever() {
  for (unsigned round = 0;; ++round) {
    int fds[8];
    for (int& fd : fds) fd = ::open("/dev/null", O_RDONLY);
    const int sock = ::socket(AF_INET, SOCK_STREAM, 0);
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(0);
    for (const int fd : fds) (void)::close(fd);
    (void)::close(sock);
    if (pid > 0) (void)::waitpid(pid, nullptr, 0);
  }
}

TEST(Adopt, WhileItForksAndOpensAtFullSpeedHeldIsTheCensusAndZeroAfterTheExit) {
  const std::uint32_t slot = fresh_slot();
  const Cgroup cgroup{"ubc-adopt-storm"};
  constexpr int kWorkers = 8;
  Process workload{[&] {
    cgroup.enter();
    close_inherited();
    for (int i = 1; i < kWorkers; ++i)
      if (::fork() == 0) return churn_for_ever();
    return churn_for_ever();
  }};
  (void)::usleep(300'000);
  for (int round = 0; round < 3; ++round) {   // adopted, let run, released, and again
    std::uint64_t tasks = 0, seen = 0, pages = 0;
    adopt(cgroup, slot, 0, [&] {
      std::ifstream members{"/sys/fs/cgroup/ubc-adopt-storm/cgroup.procs"};
      for (pid_t pid = 0; members >> pid; ++tasks) pages += private_pages(pid);
      seen = held(slot, UBC_NUMPROC);
    });
    EXPECT_GE(seen, tasks);
    EXPECT_LE(seen, 2U * kWorkers) << "zombies are counted too, at most one of each worker";
    EXPECT_GE(tasks, std::uint64_t{kWorkers});
    EXPECT_GT(pages, 0U);
    (void)::usleep(300'000);
    ASSERT_TRUE(cgroup.freeze());
    pages = 0;
    std::ifstream members{"/sys/fs/cgroup/ubc-adopt-storm/cgroup.procs"};
    for (pid_t pid = 0; members >> pid;) pages += private_pages(pid);
    (void)bpf::audit_if_needed(attached_ledger());
    EXPECT_EQ(held(slot, UBC_PRIVVMPAGES), pages) << "after the storm, frozen";
    EXPECT_LE(held(slot, UBC_NUMTCPSOCK), 2U * kWorkers);
    if (round < 2) release(cgroup, slot);
  }
  cgroup.thaw();
  cgroup.write("cgroup.kill", "1");
  (void)workload.wait();
  for (const ubc_resource resource : {UBC_NUMPROC, UBC_NUMTCPSOCK, UBC_NUMOTHERSOCK, UBC_PRIVVMPAGES})
    EXPECT_EQ(settled(slot, resource, 0), 0U) << resource;
  EXPECT_LE(settled(slot, UBC_NUMFILE, mapped_files(::getpid())), mapped_files(::getpid()));
  EXPECT_EQ(attached_ledger().health().losses[UBC_LOSS_UNCHARGE_TOO_MUCH], 0U);
}

}  // namespace
}  // namespace ubc::test

// SPDX-License-Identifier: Apache-2.0
// What a refusal leaves behind: who, by which call, and how much of a storm is logged.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "bpf/refusal_log.h"
#include "tests/support/slot_process.h"

namespace ubc::test {
namespace {

bpf::RefusalLog open_log() {
  (void)attached_ledger();
  auto log = bpf::RefusalLog::open();
  EXPECT_TRUE(log) << log.error().message;
  return *std::move(log);
}

bpf::LastRefusals open_last(std::uint32_t slot) {
  auto last = bpf::LastRefusals::open(slot);
  EXPECT_TRUE(last) << last.error().message;
  return *std::move(last);
}

/// Opens /dev/null until `refusals` of it have failed, with room for 3.
void hoard(std::uint32_t slot, int refusals) {
  (void)run_in(slot, [&] {
    limit(slot, UBC_NUMFILE, held(slot, UBC_NUMFILE) + 3, UBC_UNLIMITED);
    for (int failed = 0; failed < refusals;)
      if (::open("/dev/null", O_RDONLY) < 0) ++failed;
    return 0;
  });
}

std::vector<ubc_refusal> of_slot(const std::vector<ubc_refusal>& entries, std::uint32_t slot) {
  std::vector<ubc_refusal> mine;
  for (const ubc_refusal& entry : entries)
    if (entry.slot == slot) mine.push_back(entry);
  return mine;
}

TEST(Refusal, NamesTheProgramTheCallAndTheNumbersOfThatMoment) {
  const bpf::RefusalLog log = open_log();
  const std::uint32_t slot = fresh_slot();
  const std::uint64_t before = log.written();
  hoard(slot, 1);
  const auto entries = of_slot(log.since(before).entries, slot);
  ASSERT_EQ(entries.size(), 1U);
  const ubc_refusal& entry = entries[0];
  EXPECT_EQ(entry.resource, UBC_NUMFILE);
  EXPECT_EQ(entry.amount, 1U);
  EXPECT_EQ(entry.held, 3U);
  EXPECT_EQ(entry.barrier, 3U);
  EXPECT_EQ(entry.limit, UBC_UNLIMITED);
  EXPECT_EQ(entry.system_call, static_cast<std::uint32_t>(SYS_openat));
  EXPECT_EQ(entry.compat, 0U);
  EXPECT_EQ(entry.uid, kUidBase + slot * UBC_IDS_PER_SLOT);
  EXPECT_NE(entry.pid, 0U);
  EXPECT_STREQ(entry.comm, "ubc-kernel-test");
  const bpf::LastRefusals all = open_last(slot);
  const auto last = all.of(UBC_NUMFILE);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->slot, slot);
  EXPECT_EQ(last->time_ns, entry.time_ns);
  EXPECT_FALSE(all.of(UBC_NUMPROC)) << "a resource that was not refused";
}

TEST(Refusal, AStormIsCountedInFullAndLoggedInPart) {
  const bpf::RefusalLog log = open_log();
  const std::uint32_t slot = fresh_slot();
  const std::uint64_t before = log.written();
  const std::uint64_t not_logged = attached_ledger().health().losses[UBC_LOSS_NOT_LOGGED];
  hoard(slot, 3000);
  EXPECT_EQ(failcnt(slot, UBC_NUMFILE), 3000U);
  const std::size_t logged = of_slot(log.since(before).entries, slot).size();
  EXPECT_GE(logged, std::size_t{UBC_LOGGED_A_SECOND});
  EXPECT_LT(logged, 3000U);
  EXPECT_EQ(attached_ledger().health().losses[UBC_LOSS_NOT_LOGGED] - not_logged, 3000 - logged) << "what is not logged is counted";
}

TEST(Refusal, TwoReadersEachSeeEveryEntry) {
  const bpf::RefusalLog first = open_log(), second = open_log();
  const std::uint32_t slot = fresh_slot();
  const std::uint64_t before = first.written();
  hoard(slot, 5);
  const auto a = first.since(before), b = second.since(before);
  EXPECT_EQ(of_slot(a.entries, slot).size(), 5U);
  EXPECT_EQ(of_slot(b.entries, slot).size(), 5U);
  EXPECT_TRUE(first.since(a.next).entries.empty()) << "nothing twice";
}

TEST(Refusal, AReaderThatWasTooSlowIsToldHowManyItMissed) {
  const bpf::RefusalLog log = open_log();
  const std::uint64_t before = log.written();
  // One slot logs 20 a second: many slots fill the ring at once.
  for (unsigned i = 0; i * UBC_LOGGED_A_SECOND <= UBC_LOG_ENTRIES; ++i) hoard(fresh_slot(), UBC_LOGGED_A_SECOND);
  const auto batch = log.since(before);
  const std::uint64_t written = log.written() - before;
  ASSERT_GT(written, std::uint64_t{UBC_LOG_ENTRIES});
  EXPECT_EQ(batch.missed, written - UBC_LOG_ENTRIES);
  EXPECT_EQ(batch.entries.size(), std::size_t{UBC_LOG_ENTRIES});
}

TEST(Refusal, IsForgottenWithItsContainer) {
  const std::uint32_t slot = fresh_slot(), next = fresh_slot();
  hoard(slot, 1);
  hoard(next, 1);
  bpf::LastRefusals last = open_last(slot);
  ASSERT_TRUE(last.of(UBC_NUMFILE));
  last.forget();
  EXPECT_FALSE(last.of(UBC_NUMFILE));
  EXPECT_TRUE(open_last(next).of(UBC_NUMFILE)) << "another container's";
}

}  // namespace
}  // namespace ubc::test

// SPDX-License-Identifier: Apache-2.0
// What the memory controller's figures become in a container's counters, and guarantees in the kernel's terms.
#include <gtest/gtest.h>

#include "accounting/cgroup_knobs.h"

namespace ubc::accounting {
namespace {

TEST(MemoryReadings, OomguarpagesHoldsWhatNoFileBacksAndSwapAndCountsKills) {
  Snapshot snapshot;
  snapshot.of(UBC_OOMGUARPAGES).maxheld = 9;
  MemoryReadings readings;
  readings.unfiled_bytes = 5 * kPageSize;
  readings.swap_bytes = 2 * kPageSize;
  readings.oom_kills = 3;
  readings.max_hits = 4;
  merge_memory(snapshot, readings);
  EXPECT_EQ(snapshot.of(UBC_OOMGUARPAGES).held, 7U);
  EXPECT_EQ(snapshot.of(UBC_OOMGUARPAGES).maxheld, 9U);
  EXPECT_EQ(snapshot.of(UBC_OOMGUARPAGES).failcnt, 3U);
  EXPECT_EQ(snapshot.of(UBC_PHYSPAGES).failcnt, 4U);
  EXPECT_EQ(snapshot.of(UBC_VMGUARPAGES).held, 0U);
}

TEST(MemoryReadings, KmemsizeIsWhatTheKernelCannotTakeBackAndDcachesizeWhatItCan) {
  Snapshot snapshot;
  MemoryReadings readings;
  readings.kernel_bytes = 10'000;
  merge_memory(snapshot, readings);
  EXPECT_EQ(snapshot.of(UBC_KMEMSIZE).held, 10'000U) << "a kernel that does not say what can be taken back";
  readings.reclaimable_bytes = 7'000;
  merge_memory(snapshot, readings);
  EXPECT_EQ(snapshot.of(UBC_KMEMSIZE).held, 3'000U);
  EXPECT_EQ(snapshot.of(UBC_KMEMSIZE).maxheld, 10'000U);
  EXPECT_EQ(snapshot.of(UBC_DCACHESIZE).held, 7'000U);
  readings.reclaimable_bytes = 10'001;   // summed up at two moments
  merge_memory(snapshot, readings);
  EXPECT_EQ(snapshot.of(UBC_KMEMSIZE).held, 0U);
}

TEST(OomScoreAdj, IsTheBarriersThousandthsOfTheHostRoundedUpAndNeverUnkillable) {
  const auto adj = [](std::uint64_t barrier, std::uint64_t pages) {
    return oom_score_adj_for({Limit::at(barrier), Limit::unlimited()}, pages * kPageSize);
  };
  EXPECT_EQ(adj(250'000, 1'000'000), -250);
  EXPECT_EQ(adj(250'001, 1'000'000), -251);
  EXPECT_EQ(adj(1, 1'000'000), -1);
  EXPECT_EQ(adj(0, 1'000'000), 0);
  EXPECT_EQ(adj(999'999, 1'000'000), -999);
  EXPECT_EQ(adj(1'000'000, 1'000'000), -999);
  EXPECT_EQ(adj(UBC_UNLIMITED - 1, 1'000'000), -999);
  EXPECT_EQ(adj(UBC_UNLIMITED, 1'000'000), 0);
}

}  // namespace
}  // namespace ubc::accounting

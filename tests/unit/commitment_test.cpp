// SPDX-License-Identifier: Apache-2.0
// vzmemcheck's and vzcalc's figures and text.
#include "accounting/commitment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "accounting/samples.h"

namespace ubc::accounting {
namespace {

constexpr HostMemory kHost{2ULL << 30, 4ULL << 30, 2ULL << 30};

/// The container of OpenVZ's documentation: vps.basic's numbers and some use.
Snapshot documented() {
  Snapshot snapshot;
  const ConfigFile config = load_sample("/nonexistent", "vps.basic").value();
  for (const ResourceInfo& info : kResources)
    if (const auto limits = config.limits(info).value()) {
      snapshot.of(info.resource).barrier = limits->barrier.raw();
      snapshot.of(info.resource).limit = limits->limit.raw();
    }
  snapshot.of(UBC_KMEMSIZE).held = 836919;
  snapshot.of(UBC_OTHERSOCKBUF).held = 6684;
  snapshot.of(UBC_PHYSPAGES).held = snapshot.of(UBC_OOMGUARPAGES).held = 2267;
  snapshot.of(UBC_PRIVVMPAGES).held = 4587;
  snapshot.of(UBC_NUMPROC).held = 20;
  return snapshot;
}

std::vector<ContainerCommitment> two() { return {{102, commitment_of(documented())}, {101, commitment_of(documented())}}; }

TEST(HostMemoryOf, ReadsTotalsInKilobytesAndLowMemoryWhereItIsSaid) {
  const HostMemory host = parse_meminfo("MemTotal:        2097152 kB\nMemFree: 5 kB\nSwapTotal:       4194304 kB\n").value();
  EXPECT_EQ(host.ram_bytes, 2ULL << 30);
  EXPECT_EQ(host.swap_bytes, 4ULL << 30);
  EXPECT_EQ(host.low_bytes, 2ULL << 30);
  const HostMemory small = parse_meminfo("MemTotal: 7 kB\nLowTotal: 3 kB\n").value();
  EXPECT_EQ(small.low_bytes, 3 * 1024U);
  EXPECT_EQ(small.swap_bytes, 0U);
  for (const char* text : {"", "MemFree: 7 kB\n", "MemTotal: x kB\n", "MemTotal: 7\n"}) EXPECT_FALSE(parse_meminfo(text)) << text;
}

TEST(Commitments, TableInMegabytesIsVzmemchecksByteForByte) {
  EXPECT_EQ(commitment_table(two(), kHost, true, true),
            "Output values in Mbytes\n"
            "CTID        LowMem  LowMem     RAM MemSwap MemSwap   Alloc   Alloc   Alloc\n"
            "              util  commit    util    util  commit    util  commit   limit\n"
            "102           0.80    4.25    9.66    9.66   28.25   18.72   28.25  213.52\n"
            "101           0.80    4.25    9.66    9.66   28.25   18.72   28.25  213.52\n"
            "--------------------------------------------------------------------------\n"
            "Summary:      1.61    8.49   19.32   19.32   56.49   37.44   56.49  427.05\n"
            "            819.00  819.00 2048.00 6144.00 6144.00 6144.00 6144.00 6144.00\n");
}

TEST(Commitments, TableInPercentIsVzmemchecksByteForByte) {
  EXPECT_EQ(commitment_table(two(), kHost, false, false),
            "Output values in %\n"
            " LowMem  LowMem     RAM MemSwap MemSwap   Alloc   Alloc   Alloc\n"
            "   util  commit    util    util  commit    util  commit   limit\n"
            "   0.20    1.04    0.94    0.31    0.92    0.61    0.92    6.95\n");
}

TEST(Commitments, EachColumnHasItsOwnNumbers) {
  Snapshot s;
  for (const ResourceInfo& info : kResources) s.of(info.resource) = {0, 0, 0, 0, 0};
  s.of(UBC_PHYSPAGES) = {3, 0, 0, UBC_UNLIMITED, 0};
  s.of(UBC_OOMGUARPAGES) = {5, 0, 7, UBC_UNLIMITED, 0};
  s.of(UBC_PRIVVMPAGES) = {11, 0, 12, 13, 0};
  s.of(UBC_VMGUARPAGES) = {0, 0, 17, UBC_UNLIMITED, 0};
  int power = 0;
  for (const ubc_resource buffer : {UBC_KMEMSIZE, UBC_TCPSNDBUF, UBC_TCPRCVBUF, UBC_OTHERSOCKBUF, UBC_DGRAMRCVBUF}) {
    s.of(buffer).held = 1U << power;
    s.of(buffer).limit = 32U << power++;
  }
  const double held = 31, limit = 992, page = 4096;
  EXPECT_EQ(commitment_of(s), (Commitment{held, limit, 3 * page + held, 5 * page + held, 7 * page + limit, 11 * page + held,
                                          17 * page + limit, 13 * page + limit}));
}

TEST(Commitments, AnUnlimitedNumberMakesItsSumsUnlimitedAndIsSaidSo) {
  Snapshot s = documented();
  s.of(UBC_TCPSNDBUF).limit = UBC_UNLIMITED;
  EXPECT_EQ(commitment_table({{101, commitment_of(s)}}, kHost, false, true),
            "Output values in Mbytes\n"
            " LowMem  LowMem     RAM MemSwap MemSwap   Alloc   Alloc   Alloc\n"
            "   util  commit    util    util  commit    util  commit   limit\n"
            "   0.80   unlim    9.66    9.66   unlim   18.72   unlim   unlim\n"
            " 819.00  819.00 2048.00 6144.00 6144.00 6144.00 6144.00 6144.00\n");
  Snapshot held = documented();
  held.of(UBC_KMEMSIZE).held = 0x7fffffff;   // a number like any other, where it is no limit
  EXPECT_EQ(commitment_of(held)[0], 2147483647.0 + 6684);
}

TEST(Commitments, AVswapContainerTakesAtMostRamAndSwap) {
  Snapshot s;   // all else unlimited
  s.of(UBC_PHYSPAGES) = {10, 10, 0, 100, 0};
  s.of(UBC_SWAPPAGES) = {0, 0, 0, 230, 0};
  s.of(UBC_OOMGUARPAGES).barrier = 100;
  const Commitment c = commitment_of(s);
  EXPECT_EQ(c[1], 100 * 4096.0);
  EXPECT_EQ(c[4], 330 * 4096.0);
  EXPECT_EQ(c[6], 330 * 4096.0);
  EXPECT_EQ(c[7], 330 * 4096.0);
  s.of(UBC_SWAPPAGES).limit = UBC_UNLIMITED;
  EXPECT_EQ(commitment_of(s)[7], std::nullopt);
  EXPECT_EQ(commitment_of(s)[1], 100 * 4096.0);
}

TEST(Commitments, SumsAddAndOneUnlimitedIsEnough) {
  Commitment a, b;
  a.fill(1), b.fill(2);
  b[3] = std::nullopt;
  const Commitment sum = sum_of({a, b});
  EXPECT_EQ(sum[0], 3.0);
  EXPECT_EQ(sum[3], std::nullopt);
  EXPECT_EQ(sum_of({})[0], 0.0);
}

TEST(Commitments, CalcSaysCurrentPromisedAndGreatestShares) {
  const auto rows = calc_rows(documented(), true, kHost, 1000);
  EXPECT_EQ(calc_table(rows, true),
            "Resource     Current(%)  Promised(%)  Max(%)\n"
            "Low Mem          0.10       0.52       0.52\n"
            "Total RAM        0.47        n/a        n/a\n"
            "Mem + Swap       0.16       0.46        n/a\n"
            "Alloc. Mem       0.30       0.46       3.48\n"
            "Num. Proc        2.00        n/a       6.50\n"
            "--------------------------------------------\n"
            "Memory           2.00       0.52       6.50\n");
  EXPECT_EQ(calc_table(calc_rows(documented(), false, kHost, 1000), false),
            "Resource     Current(%)  Promised(%)  Max(%)\n"
            "Memory            n/a       0.52       6.50\n");
  Snapshot unlimited = documented();
  unlimited.of(UBC_NUMPROC).barrier = UBC_UNLIMITED;
  EXPECT_EQ(calc_table(calc_rows(unlimited, true, kHost, 1000), false),
            "Resource     Current(%)  Promised(%)  Max(%)\n"
            "Memory           2.00       0.52  unlimited\n");
}

}  // namespace
}  // namespace ubc::accounting

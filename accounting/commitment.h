// SPDX-License-Identifier: Apache-2.0
// What containers use and were promised of the host's memory, as vzmemcheck and vzcalc computed and printed it (ubc-semantics 4.2). (Pure.)
//
// kernel(held) or kernel(limit) is kmemsize + tcprcvbuf + tcpsndbuf + dgramrcvbuf + othersockbuf. Where a number in a sum is unlimited, so
// is the sum. A container in VSwap mode can't take more than ram + swap, kernel memory included: where the classic sum is more, that
// counts.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/beancounter.h"
#include "accounting/host_memory.h"

namespace ubc::accounting {

/// In the order of kCommitments; bytes. nullopt: unlimited.
using Commitment = std::array<std::optional<double>, 8>;

enum class Against { low_memory, ram, ram_and_swap };

struct CommitmentColumn {
  std::string_view name;  ///< for machines
  std::string_view above, below;  ///< vzmemcheck's two lines of heading
  Against against;
};
inline constexpr auto kCommitments = std::to_array<CommitmentColumn>({
    {"lowmem_utilization", "LowMem", "util", Against::low_memory},
    {"lowmem_commitment", "LowMem", "commit", Against::low_memory},
    {"ram_utilization", "RAM", "util", Against::ram},
    {"memswap_utilization", "MemSwap", "util", Against::ram_and_swap},
    {"memswap_commitment", "MemSwap", "commit", Against::ram_and_swap},
    {"alloc_utilization", "Alloc", "util", Against::ram_and_swap},
    {"alloc_commitment", "Alloc", "commit", Against::ram_and_swap},
    {"alloc_limit", "Alloc", "limit", Against::ram_and_swap},
});

/// Bytes of what a column is measured against. Low memory: 0.4 of what the kernel maps directly.
[[nodiscard]] double capacity_of(const HostMemory& host, Against against);

[[nodiscard]] Commitment commitment_of(const Snapshot& snapshot);
[[nodiscard]] Commitment sum_of(const std::vector<Commitment>& commitments);

struct ContainerCommitment {
  std::uint32_t ctid = 0;
  Commitment commitment;
};
/// vzmemcheck's text: -v is `each` container, -A `absolute` numbers.
[[nodiscard]] std::string commitment_table(const std::vector<ContainerCommitment>& containers, const HostMemory& host, bool each,
                                           bool absolute);

/// One of vzcalc's rows: shares of the host. nullopt: n/a. Infinite: unlimited.
struct CalcRow {
  std::string_view name;
  std::optional<double> current, promised, maximum;
};
/// Low Mem, Total RAM, Mem + Swap, Alloc. Mem, Num. Proc, and last Memory: the largest of each column. Current is n/a where the container
/// does not run.
[[nodiscard]] std::vector<CalcRow> calc_rows(const Snapshot& snapshot, bool running, const HostMemory& host, std::uint64_t threads_max);
/// vzcalc's text: -v is `each` row.
[[nodiscard]] std::string calc_table(const std::vector<CalcRow>& rows, bool each);

}  // namespace ubc::accounting

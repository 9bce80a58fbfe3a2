// SPDX-License-Identifier: Apache-2.0
#include "accounting/commitment.h"

#include <algorithm>
#include <limits>

namespace ubc::accounting {
namespace {

constexpr double kMiB = 1024 * 1024;
constexpr double kLowMemoryShare = 0.4;
constexpr double kInfinite = std::numeric_limits<double>::infinity();

enum Index : std::size_t { lowmem_util, lowmem_commit, ram_util, memswap_util, memswap_commit, alloc_util, alloc_commit, alloc_limit };

using Number = std::uint64_t Beancounter::*;

std::optional<double> bytes_of(const Snapshot& snapshot, ubc_resource resource, Number number) {
  const std::uint64_t amount = snapshot.of(resource).*number;
  if (number != &Beancounter::held && Limit::at(amount).is_unlimited()) return std::nullopt;
  return static_cast<double>(amount) * (info_of(resource)->unit == Unit::pages ? static_cast<double>(kPageSize) : 1.0);
}

std::optional<double> plus(std::optional<double> a, std::optional<double> b) { return a && b ? std::optional{*a + *b} : std::nullopt; }

std::optional<double> kernel_memory(const Snapshot& snapshot, Number number) {
  std::optional<double> sum = 0;
  for (const ubc_resource resource : {UBC_KMEMSIZE, UBC_TCPRCVBUF, UBC_TCPSNDBUF, UBC_DGRAMRCVBUF, UBC_OTHERSOCKBUF})
    sum = plus(sum, bytes_of(snapshot, resource, number));
  return sum;
}

/// `sum`, and not more than VSwap lets the container take.
std::optional<double> capped(std::optional<double> sum, std::optional<double> cap) {
  return sum && cap ? std::min(*sum, *cap) : sum ? sum : cap;
}

std::string cell(std::optional<double> bytes, double capacity, bool absolute) {
  if (!bytes) return fmt::format("{:>7}", "unlim");
  return fmt::format("{:7.2f}", absolute ? *bytes / kMiB : *bytes / capacity * 100);
}

std::string line_of(const Commitment& commitment, const HostMemory& host, bool absolute) {
  std::string line;
  for (std::size_t i = 0; i < kCommitments.size(); ++i)
    line += (i == 0 ? "" : " ") + cell(commitment[i], capacity_of(host, kCommitments[i].against), absolute);
  return line;
}

std::string headings(bool each) {
  std::string above = each ? fmt::format("{:<10} ", "CTID") : "", below = each ? fmt::format("{:<10} ", "") : "";
  for (std::size_t i = 0; i < kCommitments.size(); ++i) {
    above += fmt::format("{}{:>7}", i == 0 ? "" : " ", kCommitments[i].above);
    below += fmt::format("{}{:>7}", i == 0 ? "" : " ", kCommitments[i].below);
  }
  return above + "\n" + below + "\n";
}

double share(std::optional<double> bytes, double capacity) { return bytes ? *bytes / capacity : kInfinite; }

std::optional<double> larger(std::optional<double> a, std::optional<double> b) { return !a ? b : !b ? a : std::max(*a, *b); }

std::string calc_cell(std::optional<double> value) {
  if (!value) return fmt::format("{:>10}", "n/a");
  return *value == kInfinite ? fmt::format("{:>10}", "unlimited") : fmt::format("{:10.2f}", *value * 100);
}

}  // namespace

double capacity_of(const HostMemory& host, Against against) {
  switch (against) {
    case Against::low_memory: return static_cast<double>(static_cast<std::uint64_t>(static_cast<double>(host.low_bytes) * kLowMemoryShare));
    case Against::ram: return static_cast<double>(host.ram_bytes);
    case Against::ram_and_swap: return static_cast<double>(host.ram_bytes + host.swap_bytes);
  }
  std::unreachable();
}

Commitment commitment_of(const Snapshot& snapshot) {
  const auto held = [&](ubc_resource resource) { return bytes_of(snapshot, resource, &Beancounter::held); };
  const auto barrier = [&](ubc_resource resource) { return bytes_of(snapshot, resource, &Beancounter::barrier); };
  const auto limit = [&](ubc_resource resource) { return bytes_of(snapshot, resource, &Beancounter::limit); };
  const auto kernel_held = kernel_memory(snapshot, &Beancounter::held), kernel_limit = kernel_memory(snapshot, &Beancounter::limit);
  const auto ram = limit(UBC_PHYSPAGES), all = plus(ram, limit(UBC_SWAPPAGES));
  Commitment result;
  result[lowmem_util] = kernel_held;
  result[lowmem_commit] = capped(kernel_limit, ram);
  result[ram_util] = plus(held(UBC_PHYSPAGES), kernel_held);
  result[memswap_util] = plus(held(UBC_OOMGUARPAGES), kernel_held);
  result[memswap_commit] = capped(plus(barrier(UBC_OOMGUARPAGES), kernel_limit), all);
  result[alloc_util] = plus(held(UBC_PRIVVMPAGES), kernel_held);
  result[alloc_commit] = capped(plus(barrier(UBC_VMGUARPAGES), kernel_limit), all);
  result[alloc_limit] = capped(plus(limit(UBC_PRIVVMPAGES), kernel_limit), all);
  return result;
}

Commitment sum_of(const std::vector<Commitment>& commitments) {
  Commitment sum;
  sum.fill(0);
  for (const Commitment& each : commitments)
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = plus(sum[i], each[i]);
  return sum;
}

std::string commitment_table(const std::vector<ContainerCommitment>& containers, const HostMemory& host, bool each, bool absolute) {
  std::string text = fmt::format("Output values in {}\n{}", absolute ? "Mbytes" : "%", headings(each));
  std::vector<Commitment> all;
  for (const ContainerCommitment& container : containers) {
    all.push_back(container.commitment);
    if (each) text += fmt::format("{:<10} {}\n", container.ctid, line_of(container.commitment, host, absolute));
  }
  if (each) text += std::string(74, '-') + "\n" + fmt::format("{:<10} ", "Summary:");
  text += line_of(sum_of(all), host, absolute) + "\n";
  if (!absolute) return text;
  Commitment capacities;
  for (std::size_t i = 0; i < capacities.size(); ++i)
    // Whole megabytes: vzmemcheck divides integers.
    capacities[i] = static_cast<double>(static_cast<std::uint64_t>(capacity_of(host, kCommitments[i].against) / kMiB)) * kMiB;
  return text + (each ? fmt::format("{:<10} ", "") : "") + line_of(capacities, host, absolute) + "\n";
}

std::vector<CalcRow> calc_rows(const Snapshot& snapshot, bool running, const HostMemory& host, std::uint64_t threads_max) {
  const Commitment c = commitment_of(snapshot);
  const double low = capacity_of(host, Against::low_memory), ram = capacity_of(host, Against::ram);
  const double all = capacity_of(host, Against::ram_and_swap), threads = static_cast<double>(threads_max);
  const Beancounter& numproc = snapshot.of(UBC_NUMPROC);
  const auto now = [&](double value) { return running ? std::optional{value} : std::nullopt; };
  const double processes = Limit::at(numproc.barrier).is_unlimited() ? kInfinite : static_cast<double>(numproc.barrier) / threads;
  std::vector<CalcRow> rows{
      {"Low Mem", now(share(c[lowmem_util], low)), share(c[lowmem_commit], low), share(c[lowmem_commit], low)},
      {"Total RAM", now(share(c[ram_util], ram)), std::nullopt, std::nullopt},
      {"Mem + Swap", now(share(c[memswap_util], all)), share(c[memswap_commit], all), std::nullopt},
      {"Alloc. Mem", now(share(c[alloc_util], all)), share(c[alloc_commit], all), share(c[alloc_limit], all)},
      {"Num. Proc", now(static_cast<double>(numproc.held) / threads), std::nullopt, processes},
  };
  CalcRow largest{"Memory", std::nullopt, std::nullopt, std::nullopt};
  for (const CalcRow& row : rows) {
    largest.current = larger(largest.current, row.current);
    largest.promised = larger(largest.promised, row.promised);
    largest.maximum = larger(largest.maximum, row.maximum);
  }
  rows.push_back(largest);
  return rows;
}

std::string calc_table(const std::vector<CalcRow>& rows, bool each) {
  std::string text = "Resource     Current(%)  Promised(%)  Max(%)\n";
  for (const CalcRow& row : rows) {
    const bool last = &row == &rows.back();
    if (!each && !last) continue;
    if (each && last) text += std::string(44, '-') + "\n";
    text += fmt::format("{:<10} {} {} {}\n", row.name, calc_cell(row.current), calc_cell(row.promised), calc_cell(row.maximum));
  }
  return text;
}

}  // namespace ubc::accounting

// SPDX-License-Identifier: Apache-2.0
#include "accounting/split.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "accounting/config_file.h"

namespace ubc::accounting {
namespace {

using Amount = std::uint64_t;

constexpr Amount kReservedForSystem = 52428800, kLeastProcesses = 30, kLeastGuarantee = 1024, kLeastAverage = 15;
constexpr Amount kLeastTcpBuffer = 65536, kLeastDatagramBuffer = 32768, kBytesOfSocket = 2560, kFilesOfProcess = 32;
constexpr double kLowMemoryShare = 0.4, kTightestKernelShare = 2.0, kDcacheShare = 1.03, kMargin = 1.1, kMostPrivate = 0.6;

struct Level {
  double kernel_share, process_share;
  Amount processes_of_average, bytes_of_process, buffer_base, buffer_of_process, siginfo;
  double dcache_of_file, private_of_guarantee;
  Amount locked_share, least_low;
};
constexpr auto kLevels = std::to_array<Level>({
    {1, 1, 8, 81920, 262144, 4096, 1024, 576, 6, 10, 10485760},
    {1.2, 1.5, 5, 65536, 131072, 3036, 512, 460.8, 3, 3, 2097152},
    {1.8, 2, 3, 53248, 65536, 2560, 256, 384, 1.5, 1, 0},
});

Amount scaled(double factor, Amount amount) { return static_cast<Amount>(factor * static_cast<double>(amount)); }
Limits pair(Amount barrier, Amount limit) { return {Limit::at(barrier), Limit::at(limit)}; }
Limits both(Amount amount) { return pair(amount, amount); }

/// What a container gets before its limits are derived.
struct Share {
  Amount processes = 0, average = 0, kernel = 0, guarantee = 0;
  Limits tcpsndbuf, tcprcvbuf, dgramrcvbuf, othersockbuf;
};

Amount pids_of(const SplitHost& host) {
  constexpr Amount kSmall = 8000, kLarge = 16000, kLargeHost = 2ULL << 30;
  return std::min(host.threads_max, host.memory.low_bytes > kLargeHost ? kLarge : kSmall);
}

/// Bytes of one container; 0 where the system itself leaves nothing.
Amount total_of(const SplitHost& host, Amount containers) {
  const Amount all = host.memory.ram_bytes + host.memory.swap_bytes;
  return all <= kReservedForSystem ? 0 : (all - kReservedForSystem) / containers;
}

/// Low memory of one container at a kernel share, and the guarantee that is left; nullopt: not even the least guarantee is.
struct Parts {
  Amount low, guarantee;
};
std::optional<Parts> parts_of(const SplitHost& host, Amount containers, double kernel_share) {
  const Amount total = total_of(host, containers);
  const Amount low = scaled(kLowMemoryShare * kernel_share, host.memory.low_bytes) / containers;
  if (total >= low && (total - low) / kPageSize >= kLeastGuarantee) return Parts{low, (total - low) / kPageSize};
  if (total < kLeastGuarantee * kPageSize) return std::nullopt;
  return Parts{total - kLeastGuarantee * kPageSize, kLeastGuarantee};
}

std::optional<Share> share_at(const SplitHost& host, Amount containers, const Level& level) {
  const auto parts = parts_of(host, containers, level.kernel_share);
  if (!parts || parts->low < level.least_low) return std::nullopt;
  Share share;
  share.guarantee = parts->guarantee;
  share.kernel = parts->low / 2;
  share.average = share.kernel / level.bytes_of_process;
  if (share.average < kLeastAverage) return std::nullopt;
  const Amount processes = std::max({scaled(level.process_share, pids_of(host)) / containers, kLeastProcesses, 2 * share.average});
  share.processes = std::min(processes, share.average * level.processes_of_average);
  const Amount tcp = (parts->low - share.kernel) / 3, of_processes = level.buffer_of_process * share.processes;
  if (tcp < level.buffer_base + of_processes) return std::nullopt;
  const Amount rest = tcp - of_processes;
  share.tcpsndbuf = share.tcprcvbuf = pair(rest, tcp);
  share.dgramrcvbuf = both(rest / 2);
  share.othersockbuf = pair(rest / 2, rest / 2 + of_processes);
  return share;
}

/// As little as works: processes are halved until their kernel memory fits beside the smallest buffers.
std::optional<Share> tightest_share(const SplitHost& host, Amount containers) {
  const Level& level = kLevels.back();
  const auto parts = parts_of(host, containers, kTightestKernelShare);
  if (!parts) return std::nullopt;
  Share share;
  share.guarantee = parts->guarantee;
  share.processes = std::max(scaled(level.process_share, pids_of(host)) / containers, kLeastProcesses);
  while (true) {
    share.average = share.processes / 2;
    const Amount gaps = kBytesOfSocket * share.processes, sockets = 2 * (kLeastDatagramBuffer + kLeastTcpBuffer + gaps);
    const Amount needed = share.average * level.bytes_of_process + sockets;
    if (parts->low >= needed) {
      const Amount rest = parts->low - needed;
      share.kernel = parts->low - sockets + (rest > gaps ? rest - gaps : 0);
      share.dgramrcvbuf = both(kLeastDatagramBuffer);
      share.othersockbuf = pair(kLeastDatagramBuffer, kLeastDatagramBuffer + gaps);
      share.tcpsndbuf = pair(kLeastTcpBuffer, kLeastTcpBuffer + gaps);
      share.tcprcvbuf = pair(kLeastTcpBuffer, kLeastTcpBuffer + std::min(rest, gaps));
      return share;
    }
    if (share.processes == kLeastProcesses) return std::nullopt;
    share.processes = std::max(share.processes / 2, kLeastProcesses);
  }
}

/// privvmpages' barrier; the guarantee is never more.
Amount private_pages(const SplitHost& host, Amount containers, const Level& level, Amount& guarantee) {
  Amount pages = scaled(level.private_of_guarantee, guarantee);
  if (pages > total_of(host, containers) / kPageSize) pages = guarantee;
  const Amount most = scaled(kMostPrivate, host.memory.ram_bytes) / kPageSize;
  if (containers > 1 && pages > most) pages = most;
  guarantee = std::min(guarantee, pages);
  return pages;
}

AllLimits limits_of(const SplitHost& host, Amount containers, const Level& level, const Share& share) {
  Amount guarantee = share.guarantee;
  const Amount pages = private_pages(host, containers, level, guarantee), files = kFilesOfProcess * share.average;
  const Amount dcache = scaled(level.dcache_of_file, files), locks = std::min(files / 10, Amount{1000});
  AllLimits limits;
  for (const ubc_resource each : {UBC_NUMPROC, UBC_NUMTCPSOCK, UBC_NUMOTHERSOCK}) limits[each] = both(share.processes);
  limits[UBC_VMGUARPAGES] = limits[UBC_OOMGUARPAGES] = pair(guarantee, UBC_UNLIMITED);
  limits[UBC_KMEMSIZE] = pair(share.kernel, scaled(kMargin, share.kernel));
  limits[UBC_TCPSNDBUF] = share.tcpsndbuf;
  limits[UBC_TCPRCVBUF] = share.tcprcvbuf;
  limits[UBC_OTHERSOCKBUF] = share.othersockbuf;
  limits[UBC_DGRAMRCVBUF] = share.dgramrcvbuf;
  limits[UBC_PRIVVMPAGES] = pair(pages, scaled(kMargin, pages));
  limits[UBC_LOCKEDPAGES] = both(std::max(Amount{4}, share.kernel * level.locked_share / 204800));
  limits[UBC_SHMPAGES] = both(pages / 10);
  limits[UBC_PHYSPAGES] = pair(0, UBC_UNLIMITED);
  limits[UBC_NUMFILE] = both(files);
  limits[UBC_NUMFLOCK] = pair(locks, scaled(kMargin, locks));
  limits[UBC_NUMPTY] = both(std::clamp(share.processes / 10, Amount{4}, Amount{512}));
  limits[UBC_NUMSIGINFO] = both(level.siginfo);
  limits[UBC_DCACHESIZE] = pair(static_cast<Amount>(static_cast<double>(dcache) / kDcacheShare), dcache);
  limits[UBC_NUMIPTENT] = both(std::clamp(2000 / containers, Amount{4}, Amount{200}));
  return limits;
}

}  // namespace

std::optional<Split> split_host(const SplitHost& host, std::uint64_t containers) {
  if (containers == 0) return std::nullopt;
  for (std::size_t level = 0; level < kLevels.size(); ++level)
    if (const auto share = share_at(host, containers, kLevels[level]))
      return Split{limits_of(host, containers, kLevels[level], *share), share->average, static_cast<int>(level)};
  const auto share = tightest_share(host, containers);
  if (!share) return std::nullopt;
  return Split{limits_of(host, containers, kLevels.back(), *share), share->average, static_cast<int>(kLevels.size())};
}

std::uint64_t most_containers(const SplitHost& host) {
  Amount fits = 0, beyond = total_of(host, 1) / (kLeastGuarantee * kPageSize) + 1;   // a container has at least its guarantee
  while (fits + 1 < beyond) {
    const Amount middle = fits + (beyond - fits) / 2;
    (split_host(host, middle) ? fits : beyond) = middle;
  }
  return fits;
}

std::string split_text(const Split& split, bool vswap) {
  const auto line = [&](ubc_resource resource) {
    const Limits& limits = *split.limits[resource];
    const bool guarantee = resource == UBC_VMGUARPAGES || resource == UBC_OOMGUARPAGES;
    const std::string said = vswap ? guarantee ? "0:unlimited" : "unlimited" : format_pair(limits);
    return fmt::format("{}=\"{}\"\n", key_of(info_of(resource)->name), said);
  };
  const Amount pages = split.limits[UBC_PRIVVMPAGES]->barrier.raw();
  std::string text = vswap ? fmt::format("PHYSPAGES=\"0:{}\"\nSWAPPAGES=\"0:{}\"\n\n", pages, 2 * pages) : "";
  text += "# Primary parameters\n" + line(UBC_NUMPROC);
  text += vswap ? "AVNUMPROC=\"unlimited\"\n" : fmt::format("AVNUMPROC=\"{}:{}\"\n", split.avnumproc, split.avnumproc);
  for (const ubc_resource each : {UBC_NUMTCPSOCK, UBC_NUMOTHERSOCK, UBC_VMGUARPAGES}) text += line(each);
  text += "\n# Secondary parameters\n";
  for (const ubc_resource each :
       {UBC_KMEMSIZE, UBC_TCPSNDBUF, UBC_TCPRCVBUF, UBC_OTHERSOCKBUF, UBC_DGRAMRCVBUF, UBC_OOMGUARPAGES, UBC_PRIVVMPAGES})
    text += line(each);
  text += "\n# Auxiliary parameters\n";
  for (const ubc_resource each :
       {UBC_LOCKEDPAGES, UBC_SHMPAGES, UBC_PHYSPAGES, UBC_NUMFILE, UBC_NUMFLOCK, UBC_NUMPTY, UBC_NUMSIGINFO, UBC_DCACHESIZE, UBC_NUMIPTENT})
    if (!vswap || each != UBC_PHYSPAGES) text += line(each);
  return text + "CPUUNITS=\"1000\"\n";
}

}  // namespace ubc::accounting

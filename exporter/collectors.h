// SPDX-License-Identifier: Apache-2.0
// What a scrape reads, part by part: each can be switched off (--no-collector.NAME), or asked for alone (?collect[]=NAME).
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string_view>

namespace ubc::exporter {

enum class Collector : std::uint8_t {
  beancounters,
  refusals,
  cpu,
  memory,
  pressure,
  io,
  disk,
  network,
  host,
  hooks,
  audit,
  capability,
  process,
  cadvisor
};

struct CollectorInfo {
  Collector collector;
  std::string_view name;
  std::string_view what;
  bool usual = true;   ///< on where nobody says otherwise
};
inline constexpr auto kCollectors = std::to_array<CollectorInfo>({
    {Collector::beancounters, "beancounters", "held, maxheld, barrier, limit and failures of each container and resource"},
    {Collector::refusals, "refusals", "when each container and resource was last refused"},
    {Collector::cpu, "cpu", "CPU time, throttling and share of each container"},
    {Collector::memory, "memory", "memory events of each container"},
    {Collector::pressure, "pressure", "what each container waited for (PSI)"},
    {Collector::io, "io", "reads and writes of each container and block device"},
    {Collector::disk, "disk", "disk space and inodes of each guest"},
    {Collector::network, "network", "traffic of each guest and its interfaces"},
    {Collector::host, "host", "what the host has, its pressure and its commitment"},
    {Collector::hooks, "hooks", "losses, skipped programs and logged events"},
    {Collector::audit, "audit", "what the last ubctl audit found: held against what lives"},
    {Collector::capability, "capability", "what ubctl features says of this host"},
    {Collector::process, "process", "what ubcd itself takes"},
    {Collector::cadvisor, "cadvisor", "/metrics/cadvisor: each container by cAdvisor's names", false},
});

class CollectorSet {
 public:
  static CollectorSet all() {
    CollectorSet set;
    set.bits_.set();
    return set;
  }
  static CollectorSet usual() {
    CollectorSet set;
    for (const CollectorInfo& info : kCollectors) set.set(info.collector, info.usual);
    return set;
  }
  [[nodiscard]] bool has(Collector collector) const { return bits_.test(static_cast<std::size_t>(collector)); }
  void set(Collector collector, bool on) { bits_.set(static_cast<std::size_t>(collector), on); }
  /// What is in both.
  [[nodiscard]] CollectorSet operator&(const CollectorSet& other) const {
    CollectorSet both;
    both.bits_ = bits_ & other.bits_;
    return both;
  }

 private:
  std::bitset<kCollectors.size()> bits_;
};

}  // namespace ubc::exporter

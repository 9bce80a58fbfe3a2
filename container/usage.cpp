// SPDX-License-Identifier: Apache-2.0
#include "container/usage.h"

#include "container/disk_quota.h"
#include "container/running_container.h"

namespace ubc::container {
namespace {

using accounting::UsageRow;

void append(std::vector<UsageRow>& rows, const std::vector<UsageRow>& more) { rows.insert(rows.end(), more.begin(), more.end()); }

}  // namespace

std::vector<accounting::Traffic> traffic_of(const std::vector<LinkNames>& links, const accounting::TrafficByDevice& host) {
  std::vector<accounting::Traffic> traffic;
  for (const LinkNames& link : links)
    if (const auto found = host.find(link.host); found != host.end())
      traffic.push_back(accounting::of_other_end(found->second, link.guest));
  return traffic;
}

Result<std::vector<UsageRow>> usage_rows(const Host& host, std::uint32_t id) {
  std::vector<UsageRow> rows;
  if (const auto use = disk_use(host, id)) append(rows, accounting::disk_rows(*use));
  const auto found = UBC_TRY(find_running(host, id));
  if (!found) return rows;
  const os::CgroupDir& cgroup = found->cgroup;
  if (const auto cpu = UBC_TRY(accounting::read_cpu_usage(cgroup)))
    append(rows, accounting::cpu_rows(*cpu, UBC_TRY(accounting::read_cpu_share(cgroup))));
  const auto io = UBC_TRY(accounting::read_io(cgroup));
  append(rows, accounting::io_rows(io, UBC_TRY(accounting::read_io_limits(cgroup))));
  if (found->links.empty()) return rows;
  const Rates rates = refused_packets(host, id).value_or(RefusedPackets{}).rates;
  const auto links = UBC_TRY(accounting::read_host_traffic(host.paths.proc));
  append(rows, accounting::traffic_rows(traffic_of(found->links, links), {rates.receive, rates.send}));
  return rows;
}

}  // namespace ubc::container

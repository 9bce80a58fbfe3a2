// SPDX-License-Identifier: Apache-2.0
#include "container/guarantees.h"

#include <sys/file.h>

#include <algorithm>

#include "accounting/cgroup_knobs.h"
#include "container/adopted_record.h"
#include "container/group_record.h"
#include "os/directory.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

using accounting::Limits;

/// What the containers right below are guaranteed, in bytes.
Result<std::uint64_t> sum_below(const std::string& cgroup) {
  std::uint64_t sum = 0;
  for (const std::string& child : UBC_TRY(os::names_in(cgroup, os::Entries::directories)))
    if (const auto text = os::read_text(cgroup + "/" + child + "/memory.low"))   // not there: it has just gone
      sum += UBC_TRY(os::parse_number_or_max(*text)).value_or(0);
  return sum;
}

Result<> write_sum(const std::string& cgroup, std::uint64_t sum) {
  const auto now = os::read_text(cgroup + "/memory.low");
  if (!now || os::trimmed(*now) == std::to_string(sum)) return {};
  return os::write_knob(cgroup + "/memory.low", std::to_string(sum));
}

}  // namespace

Result<> sum_guarantees(const Host& host) {
  const std::string ours = host.paths.cgroups + "/ubc";
  const os::Fd lock = UBC_TRY(lock_file(host, "guarantees.lock", LOCK_EX));  // of two at once, the second sees what the first has written
  for (const std::string& name : group_names(host)) {
    const std::uint64_t most = read_group(host, name).guarantee_cap.value_or(UINT64_MAX);
    const std::string cgroup = host.paths.group_cgroup_of(name);
    const std::uint64_t sum = UBC_TRY(sum_below(cgroup));
    UBC_TRY(write_sum(cgroup, std::min(most, sum)));
  }
  return write_sum(ours, UBC_TRY(sum_below(ours)));
}

Result<> guarantee_memory(const Host& host, std::uint32_t id, const Limits& vmguarpages) {
  const os::CgroupDir cgroup = UBC_TRY(os::CgroupDir::open(cgroup_path_of(host, id)));
  UBC_TRY(accounting::write_vmguarpages(cgroup, vmguarpages));
  return sum_guarantees(host);
}

Result<> share_guarantee(const os::CgroupDir& below) {
  auto wrote = below.write("memory.low", "max");
  return !wrote && wrote.error().code == Code::not_found ? Result<>{} : wrote;  // no memory controller: nothing to share
}

}  // namespace ubc::container

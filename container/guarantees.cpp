// SPDX-License-Identifier: Apache-2.0
#include "container/guarantees.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "accounting/cgroup_knobs.h"
#include "container/adopted_record.h"
#include "os/directory.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

using accounting::Limits;

/// Of two that sum up at once, the second sees what the first has written.
Result<os::Fd> lock_sum(const Host& host) {
  os::Fd lock = UBC_TRY(os::open_file(host.paths.run + "/guarantees.lock", O_RDWR | O_CREAT, 0600));
  if (::flock(lock.get(), LOCK_EX) != 0) return os::sys_error(errno, "lock", host.paths.run + "/guarantees.lock");
  return lock;
}

}  // namespace

Result<> sum_guarantees(const Host& host) {
  const std::string ours = host.paths.cgroups + "/ubc";
  const os::Fd lock = UBC_TRY(lock_sum(host));
  std::uint64_t sum = 0;
  for (const std::string& child : UBC_TRY(os::names_in(ours, os::Entries::directories)))
    if (const auto text = os::read_text(ours + "/" + child + "/memory.low"))   // not there: it has just gone
      sum += UBC_TRY(os::parse_number_or_max(*text)).value_or(0);
  const auto now = os::read_text(ours + "/memory.low");
  if (!now || os::trimmed(*now) == std::to_string(sum)) return {};
  return os::write_knob(ours + "/memory.low", std::to_string(sum));
}

Result<> guarantee_memory(const Host& host, std::uint32_t id, const Limits& vmguarpages) {
  const os::CgroupDir cgroup = UBC_TRY(os::CgroupDir::open(cgroup_path_of(host, id)));
  UBC_TRY(accounting::write_vmguarpages(cgroup, vmguarpages));
  return sum_guarantees(host);
}

Result<> share_guarantee(const os::CgroupDir& below) {
  auto wrote = below.write("memory.low", "max");
  return !wrote && wrote.error().code == Code::not_found ? Result<>{} : wrote;   // no memory controller: nothing to share
}

}  // namespace ubc::container

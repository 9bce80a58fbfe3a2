// SPDX-License-Identifier: Apache-2.0
#include "container/process_limits.h"

#include <sys/resource.h>

#include <cerrno>
#include <functional>

#include "accounting/cgroup_knobs.h"
#include "accounting/host_memory.h"
#include "container/adopted_record.h"
#include "isolate/guest_spec.h"
#include "os/cgroup_dir.h"
#include "os/directory.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

using accounting::Limits;

/// True where the process had to be changed. One that has ended meanwhile had not.
using ChangeOne = std::function<Result<bool>(pid_t)>;

/// One walk over the cgroup and all below it. True where a process had to be changed.
Result<bool> change_in_tree(const std::string& cgroup, const ChangeOne& change) {
  bool changed = false;
  const auto processes = os::read_text(cgroup + "/cgroup.procs");   // fails where it has gone, or is threaded: its processes are above
  std::string_view rest = processes ? std::string_view{*processes} : std::string_view{};
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const auto pid = static_cast<pid_t>(UBC_TRY(os::parse_number(rest.substr(0, end))));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pid > 0) changed |= UBC_TRY(change(pid));
  }
  for (const std::string& child : os::names_in(cgroup, os::Entries::directories).value_or(std::vector<std::string>{}))
    changed |= UBC_TRY(change_in_tree(cgroup + "/" + child, change));
  return changed;
}

Result<> change_all(const Host& host, std::uint32_t id, std::string_view what, const ChangeOne& change) {
  if (const os::CgroupDir cgroup = UBC_TRY(os::CgroupDir::open(cgroup_path_of(host, id))); !UBC_TRY(cgroup.populated())) return {};
  constexpr int kWalks = 100;   // a child that was forked before its parent was changed is seen by the next walk
  for (int walk = 0; walk < kWalks; ++walk)
    if (!UBC_TRY(change_in_tree(cgroup_path_of(host, id), change))) return {};
  return os::error(Code::busy, "set {} of container {}: its processes fork faster than they can be changed; suspend it first", what, id);
}

}  // namespace

Result<int> oom_score_adj_of(const Host& host, const std::optional<Limits>& oomguarpages) {
  if (!oomguarpages) return 0;
  const accounting::HostMemory memory = UBC_TRY(accounting::read_host_memory(host.paths.proc + "/meminfo"));
  return accounting::oom_score_adj_for(*oomguarpages, memory.ram_bytes + memory.swap_bytes);
}

std::uint64_t lockable_bytes_of(const std::optional<Limits>& lockedpages) {
  if (!lockedpages || lockedpages->barrier.is_unlimited()) return isolate::kDefaultLockableBytes;
  return lockedpages->barrier.raw() * accounting::kPageSize;
}

Result<> guarantee_against_oom(const Host& host, std::uint32_t id, const Limits& oomguarpages) {
  std::string wanted;   // asked for with the first process: a start has none yet
  return change_all(host, id, "oomguarpages", [&](pid_t pid) -> Result<bool> {
    if (wanted.empty()) wanted = std::to_string(UBC_TRY(oom_score_adj_of(host, oomguarpages)));
    const std::string path = fmt::format("{}/{}/oom_score_adj", host.paths.proc, pid);
    const auto now = os::read_text(path);
    if (!now || os::trimmed(*now) == wanted) return false;
    const auto wrote = os::write_knob(path, wanted);
    if (!wrote && os::read_text(path)) return std::unexpected(wrote.error());
    return wrote.has_value();
  });
}

Result<> limit_locks(const Host& host, std::uint32_t id, const Limits& lockedpages) {
  const std::uint64_t bytes = lockable_bytes_of(lockedpages);
  const rlimit wanted{bytes, bytes};
  return change_all(host, id, "lockedpages", [&](pid_t pid) -> Result<bool> {
    rlimit now{};
    if (::prlimit(pid, RLIMIT_MEMLOCK, nullptr, &now) != 0 || (now.rlim_cur == wanted.rlim_cur && now.rlim_max == wanted.rlim_max))
      return false;
    if (::prlimit(pid, RLIMIT_MEMLOCK, &wanted, nullptr) == 0) return true;
    return errno == ESRCH ? Result<bool>{false} : Result<bool>{os::sys_error(errno, "set RLIMIT_MEMLOCK of process", std::to_string(pid))};
  });
}

}  // namespace ubc::container

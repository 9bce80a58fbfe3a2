// SPDX-License-Identifier: Apache-2.0
#include "bpf/adopted_cgroups.h"

#include <cerrno>

#include "bpf/attached_hooks.h"

namespace ubc::bpf {

Result<> map_cgroup(const std::string& pins, std::uint64_t cgroup_id, std::uint32_t slot) {
  const int answer = UBC_TRY(ask(pins, {cgroup_id, slot, UBC_MAP_CGROUP}));
  if (answer == -ENOSPC)
    return os::error(Code::no_resources, "the table of adopted cgroups has no room for cgroup {}: release a container first", cgroup_id);
  if (answer < 0) return os::sys_error(-answer, "enter into the table of adopted cgroups", std::to_string(cgroup_id));
  return {};
}

Result<> unmap_cgroup(const std::string& pins, std::uint64_t cgroup_id) {
  UBC_TRY(ask(pins, {cgroup_id, 0, UBC_UNMAP_CGROUP}));
  return {};
}

Result<std::uint32_t> slot_of_cgroup(const std::string& pins, std::uint64_t cgroup_id) {
  return static_cast<std::uint32_t>(UBC_TRY(ask(pins, {cgroup_id, 0, UBC_FIND_CGROUP})));
}

Result<> take_census(const std::string& pins, Ledger& ledger, std::uint32_t slot, std::uint32_t paid_so_far) {
  ledger.set_census(slot, paid_so_far);
  auto counted = run_iterators(pins, Purpose::census);
  if (counted) counted = run_iterators(pins, Purpose::census_locks);
  ledger.set_census(0, 0);
  return counted;
}

Result<> forget_slot(const std::string& pins, std::uint32_t slot) {
  const int answer = UBC_TRY(ask(pins, {0, slot, UBC_FORGET_SLOT}));
  return answer == 0 ? Result<>{} : Result<>{os::sys_error(-answer, "forget slot", std::to_string(slot))};
}

}  // namespace ubc::bpf

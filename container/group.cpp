// SPDX-License-Identifier: Apache-2.0
#include "container/group.h"

#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <optional>

#include "accounting/cgroup_knobs.h"
#include "bpf/attached_hooks.h"
#include "bpf/refusal_log.h"
#include "container/container_record.h"
#include "container/guarantees.h"
#include "isolate/handshake.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

using accounting::ConfigFile;
using accounting::kResources;
using accounting::ResourceInfo;
using isolate::fault_point;

/// Held by every command that makes, changes or ends the group, and by each member that joins or leaves.
Result<os::Fd> lock_group(const Host& host, const std::string& name) {
  return lock_file(host, fmt::format("groups/{}.lock", name), LOCK_EX);
}

std::string joined(const std::vector<std::uint32_t>& ids) {
  std::string text;
  for (const std::uint32_t id : ids) text += fmt::format("{}{}", text.empty() ? "" : ", ", id);
  return text;
}

Result<AllLimits> saved_limits(const Host& host, const std::string& name) {
  const std::string path = host.paths.group_config_of(name);
  const auto config = UBC_TRY(ConfigFile::load(path));
  return os::with_context(limits_in(config), path);
}

/// What a group's number does not do, which a container's does.
void note_no_cap(const AllLimits& said, std::vector<std::string>& notes) {
  const auto says = [&](ubc_resource resource) { return said[resource] && is_finite(*said[resource]); };
  if (says(UBC_OOMGUARPAGES)) notes.push_back("oomguarpages of a group is only counted: its containers' own numbers guide the OOM killer");
  if (says(UBC_LOCKEDPAGES)) notes.push_back("lockedpages of a group does not bound mlock(), which only each container's own number does");
}

Result<> apply_memory(const Host& host, const std::string& name, GroupRecord& record, const AllLimits& limits,
                      std::vector<std::string>& notes) {
  const os::CgroupDir cgroup = UBC_TRY(os::CgroupDir::open(host.paths.group_cgroup_of(name)));
  if (const auto& ram = limits[UBC_PHYSPAGES])
    if (const auto bytes = UBC_TRY(accounting::write_physpages(cgroup, *ram)))
      notes.push_back(
          fmt::format("Group {} holds more memory than the new physpages limit: it may not grow beyond {} now, and setting it "
                      "again later brings it down",
                      name, accounting::format_amount(accounting::Unit::bytes, *bytes)));
  if (const auto& swap = limits[UBC_SWAPPAGES]) UBC_TRY(accounting::write_swappages(cgroup, *swap));
  const auto& guarantee = limits[UBC_VMGUARPAGES];
  if (!guarantee) return {};
  record.guarantee_cap = guarantee->barrier.is_unlimited() ? std::nullopt : std::optional{guarantee->barrier.raw() * accounting::kPageSize};
  UBC_TRY(write_group(host, name, record));
  return sum_guarantees(host);
}

Result<> apply(const Host& host, const std::string& name, GroupRecord& record, bpf::Ledger* ledger, const AllLimits& limits,
               std::vector<std::string>& notes) {
  if (ledger != nullptr) UBC_TRY(attach_hooks_for(host, limits));   // the parts that can fail come first
  UBC_TRY(apply_memory(host, name, record, limits, notes));
  if (ledger == nullptr) return {};
  for (const ResourceInfo& info : kResources)
    if (const auto& wanted = limits[info.resource])
      ledger->set_limits(record.slot, info.resource, wanted->barrier.raw(), wanted->limit.raw());
  return {};
}

Result<std::optional<bpf::Ledger>> ledger_of(const Host& host, const GroupRecord& record) {
  if (record.slot == 0 || !bpf::hooks_attached(host.paths.pins)) return std::nullopt;
  return UBC_TRY(bpf::Ledger::open_one(record.slot, host.paths.pins));
}

Result<> give_slot(const Host& host, const std::string& name, GroupRecord& record) {
  const os::Fd lock = UBC_TRY(lock_file(host, "slots.lock", LOCK_EX));
  record.slot = UBC_TRY(free_slot(host));
  return write_group(host, name, record);
}

/// What only its cgroup knows goes to the ledger, then away with the cgroup.
Result<> bring_down(const Host& host, const std::string& name, GroupRecord record) {
  const std::string path = host.paths.group_cgroup_of(name);
  auto ledger = UBC_TRY(ledger_of(host, record));
  if (const auto cgroup = os::CgroupDir::open(path); cgroup && ledger) {
    (void)read_counted(*ledger, record.slot, *cgroup);
    for (const ubc_resource resource : bpf::kSampledResources) ledger->note_sampled(record.slot, resource, {.held = 0});
  }
  UBC_TRY(os::remove_cgroup(path, std::chrono::seconds{20}));
  record.up = false;
  record.guarantee_cap.reset();
  return write_group(host, name, record);
}

/// The first member starts: as a container's start does, from its configuration.
Result<> bring_up(const Host& host, const std::string& name, GroupRecord& record, std::vector<std::string>& notes) {
  const AllLimits limits = UBC_TRY(saved_limits(host, name));
  UBC_TRY(containers_cgroup(host));
  const os::CgroupDir cgroup = UBC_TRY(os::CgroupDir::make(host.paths.group_cgroup_of(name)));
  UBC_TRY(cgroup.enable_controllers({"cpuset", "cpu", "io", "memory", "pids"}));
  fault_point("group:cgroup");
  auto ledger = UBC_TRY(ledger_of(host, record));
  if (ledger) {
    ledger->reset_group(record.slot);
    UBC_TRY(bpf::LastRefusals::open(record.slot, host.paths.pins)).forget();
  }
  UBC_TRY(apply(host, name, record, ledger ? &*ledger : nullptr, limits, notes));
  fault_point("group:limits");
  record.up = true;
  return write_group(host, name, record);
}

}  // namespace

Result<> create_group(const Host& host, const std::string& name, const ConfigFile& config) {
  UBC_TRY(check_group_name(name));
  UBC_TRY(limits_in(config));
  const os::Fd lock = UBC_TRY(lock_group(host, name));
  if (group_exists(host, name)) return os::error(Code::exists, "group {} exists already: ubctl group set {} changes it", name, name);
  if (resolve_id(host, name)) return os::error(Code::exists, "Name {} is in use by a container: choose another", name);
  UBC_TRY(os::make_directories(host.paths.group_configs()));
  return config.save(host.paths.group_config_of(name));
}

Result<> destroy_group(const Host& host, const std::string& name) {
  UBC_TRY(check_group(host, name));
  const os::Fd lock = UBC_TRY(lock_group(host, name));
  if (const auto members = members_of(host, name); !members.empty())
    return os::error(Code::bad_state,
                     "group {} has members: {}; ubctl set ID --group \"\" --save takes one out, ubctl release an adopted one", name,
                     joined(members));
  UBC_TRY(bring_down(host, name, read_group(host, name)));   // a half-made one has a cgroup
  fault_point("group:down");
  remove_group_record(host, name);
  const std::string config = host.paths.group_config_of(name);
  if (::rename(config.c_str(), (config + ".destroyed").c_str()) != 0 && errno != ENOENT) return os::sys_error(errno, "put away", config);
  return {};
}

Result<> tune_group(const Host& host, const std::string& name, const AllLimits& limits, std::vector<std::string>& notes) {
  UBC_TRY(check_group(host, name));
  const os::Fd lock = UBC_TRY(lock_group(host, name));
  GroupRecord record = read_group(host, name);
  if (!record.up)
    return os::error(Code::bad_state, "Unable to apply UBC parameters: no container of group {} is running; --save keeps them", name);
  note_no_cap(limits, notes);
  auto ledger = UBC_TRY(ledger_of(host, record));
  if (!ledger) return apply(host, name, record, nullptr, limits, notes);
  const AllLimits before = limits_now(*ledger, record.slot, limits);
  auto applied = apply(host, name, record, &*ledger, limits, notes);
  if (!applied) {
    std::vector<std::string> unheard;
    (void)apply_memory(host, name, record, before, unheard);
  }
  return applied;
}

Result<std::uint32_t> join_group(const Host& host, const std::string& name, std::uint32_t id, bool hooks, std::vector<std::string>& notes) {
  if (!group_exists(host, name))
    return os::error(Code::not_found,
                     "container {} is in group {}, which is not there: ubctl group create {}, or ubctl set {} --group \"\" --save", id,
                     name, name, id);
  const os::Fd lock = UBC_TRY(lock_group(host, name));
  GroupRecord record = read_group(host, name);
  const bool has_slot = record.slot != 0 || !hooks;
  if (!has_slot) UBC_TRY(give_slot(host, name, record));
  fault_point("group:slot");
  if (!record.up || !has_slot)
    UBC_TRY(os::with_context(bring_up(host, name, record, notes), fmt::format("setting the numbers of group {}", name)));
  return record.slot;
}

Result<> leave_group(const Host& host, const std::string& name, std::uint32_t id, const std::function<void()>& forget) {
  const os::Fd lock = UBC_TRY(lock_group(host, name));
  auto others = running_members(host, name);
  std::erase(others, id);
  if (others.empty()) UBC_TRY(os::with_context(bring_down(host, name, read_group(host, name)), fmt::format("clearing group {}", name)));
  fault_point("group:left");
  forget();
  return {};
}

void forget_group_slots(const Host& host) {
  for (const std::string& name : group_names(host)) remove_group_record(host, name);
}

Result<accounting::Snapshot> group_snapshot(const Host& host, const std::string& name) {
  UBC_TRY(check_group(host, name));
  const GroupRecord record = read_group(host, name);
  auto ledger = UBC_TRY(ledger_of(host, record));
  accounting::Snapshot result;
  if (!record.up || !ledger)
    for (const AllLimits limits = UBC_TRY(saved_limits(host, name)); const ResourceInfo& info : kResources)
      if (const auto& said = limits[info.resource]) {
        result.of(info.resource).barrier = said->barrier.raw();
        result.of(info.resource).limit = said->limit.raw();
      }
  if (!record.up) return result;
  const os::CgroupDir cgroup = UBC_TRY(os::CgroupDir::open(host.paths.group_cgroup_of(name)));
  if (ledger) {
    UBC_TRY(bpf::audit_if_needed(*ledger, host.paths.pins));
    UBC_TRY(bpf::publish_counts(0, host.paths.pins));
    return read_counted(*ledger, record.slot, cgroup);
  }
  accounting::merge_memory(result, UBC_TRY(accounting::read_memory(cgroup)));
  return result;
}

}  // namespace ubc::container

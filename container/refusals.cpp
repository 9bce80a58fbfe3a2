// SPDX-License-Identifier: Apache-2.0
#include "container/refusals.h"

#include <algorithm>
#include <cstring>
#include <ctime>

#include "accounting/config_file.h"
#include "container/adopted_record.h"
#include "container/container_record.h"
#include "container/group_record.h"
#include "isolate/system_call.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

std::string call_of(const ubc_refusal& raw) {
  if (raw.hook == UBC_HOOK_TCP_ACCEPT) return "a connection's arrival";
  if (raw.hook >= UBC_HOOK_IN_INTERRUPT) return "a packet's arrival";
  if (const char* name = isolate::system_call_name(raw.system_call, raw.compat != 0)) return name;
  return raw.system_call == UBC_NO_SYSTEM_CALL || static_cast<std::int32_t>(raw.system_call) < 0
             ? "a page fault or the kernel's own work"
             : fmt::format("system call {}", raw.system_call);
}

}  // namespace

std::chrono::system_clock::time_point wall_time(std::uint64_t time_ns) {
  timespec now{};
  (void)::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto monotonic = std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
  return std::chrono::system_clock::now() -
         std::chrono::duration_cast<std::chrono::system_clock::duration>(monotonic - std::chrono::nanoseconds{time_ns});
}

accounting::Limits cure_for(const Refusal& refusal) {
  const std::uint64_t needed = refusal.held + refusal.amount;
  const std::uint64_t barrier = needed + needed / 4 + 1;
  const std::uint64_t gap = refusal.limit > refusal.barrier && refusal.limit < UBC_UNLIMITED ? refusal.limit - refusal.barrier : 0;
  return {accounting::Limit::at(barrier), accounting::Limit::at(refusal.limit >= UBC_UNLIMITED ? UBC_UNLIMITED : barrier + gap)};
}

std::string cure_line(const Refusal& refusal) {
  const std::string whose = refusal.group.empty() ? std::to_string(refusal.id) : refusal.group;
  return fmt::format("ubctl {}set {} --{} {} --save", refusal.group.empty() ? "" : "group ", whose,
                     accounting::info_of(refusal.resource)->name, accounting::format_pair(cure_for(refusal)));
}

SlotOwners::SlotOwners(const Host& host) : uid_base_{host.settings.uid_base} {
  for (const std::uint32_t id : known_ids(host)) {
    const auto slot = slot_of(host, id);
    if (!slot) continue;
    const auto adopted = read_adopted(host, id);
    const auto config = accounting::ConfigFile::load(host.paths.config_of(id));
    by_slot_[*slot] = {id, adopted ? adopted->name : config ? config->get("NAME").value_or("") : ""};
  }
  for (const std::string& name : group_names(host))
    if (const std::uint32_t slot = read_group(host, name).slot; slot != 0) groups_[slot] = name;
}

Refusal SlotOwners::describe(const ubc_refusal& raw) const {
  Refusal refusal;
  refusal.time = wall_time(raw.time_ns);
  if (const auto owner = by_slot_.find(raw.slot); owner != by_slot_.end()) {
    refusal.id = owner->second.id;
    refusal.name = owner->second.name;
  }
  if (raw.group != 0) {
    const auto group = groups_.find(raw.group);
    refusal.group = group == groups_.end() ? "?" : group->second;
  }
  refusal.resource = static_cast<ubc_resource>(raw.resource);
  refusal.amount = raw.amount;
  refusal.held = raw.held;
  refusal.barrier = raw.barrier;
  refusal.limit = raw.limit;
  refusal.pid = raw.pid;
  const std::uint32_t first = uid_base_ + raw.slot * UBC_IDS_PER_SLOT;
  refusal.uid = raw.uid - first < UBC_IDS_PER_SLOT ? raw.uid - first : raw.uid;   // an adopted container's are the host's own
  refusal.program = os::printable({raw.comm, ::strnlen(raw.comm, sizeof raw.comm)});
  refusal.call = call_of(raw);
  return refusal;
}

std::vector<Refusal> describe_all(const bpf::LastRefusals& last, const SlotOwners& owners) {
  std::vector<Refusal> refusals;
  for (const accounting::ResourceInfo& info : accounting::kResources)
    if (const auto raw = last.of(info.resource)) refusals.push_back(owners.describe(*raw));
  std::ranges::sort(refusals, std::ranges::greater{}, &Refusal::time);
  return refusals;
}

std::vector<Refusal> last_refusals(const Host& host, std::uint32_t id) {
  const auto slot = slot_of(host, id);
  return slot ? last_refusals_in(host, *slot) : std::vector<Refusal>{};
}

std::vector<Refusal> last_refusals_in(const Host& host, std::uint32_t slot) {
  const auto last = bpf::LastRefusals::open(slot, host.paths.pins);
  return last ? describe_all(*last, SlotOwners{host}) : std::vector<Refusal>{};
}

}  // namespace ubc::container

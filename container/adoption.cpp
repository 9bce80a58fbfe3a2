// SPDX-License-Identifier: Apache-2.0
#include "container/adoption.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <sstream>
#include <thread>

#include "bpf/adopted_cgroups.h"
#include "bpf/attached_hooks.h"
#include "container/container.h"
#include "container/container_record.h"
#include "container/group.h"
#include "container/tuning.h"
#include "isolate/handshake.h"
#include "os/directory.h"
#include "os/scope_guard.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

using isolate::fault_point;
using std::chrono::milliseconds;

constexpr milliseconds kFreezePatience{30'000};

/// Held while something is frozen: Ctrl-C waits until it is thawed again.
class SignalsWait {
 public:
  SignalsWait() {
    sigset_t all;
    (void)::sigfillset(&all);
    (void)::sigprocmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsWait() { (void)::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  SignalsWait(const SignalsWait&) = delete;
  SignalsWait& operator=(const SignalsWait&) = delete;

 private:
  sigset_t before_{};
};

/// One adoption, release or mending at a time. Many containers may start at once: each waits its turn.
Result<os::Fd> lock_adoptions(const Host& host, int how = LOCK_EX) { return lock_file(host, "adopt.lock", how); }

bool is_inside(std::string_view path, std::string_view ancestor) {
  return path.starts_with(ancestor) && (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

bool is_there(const Host& host, const AdoptedRecord& record) {
  const auto cgroup = cgroup_of_adopted(host, record);
  return cgroup && *cgroup;
}

/// There while a record may be unfinished: without it, no command need read thousands of records for one that is. Kept by whoever has the
/// lock.
std::string mark_of(const Host& host) { return host.paths.run + "/adoption-under-way"; }
Result<> begin_change(const Host& host) { return os::replace_text(mark_of(host), "", 0600); }
void end_change(const Host& host) { (void)::unlink(mark_of(host).c_str()); }

/// This process and `path`: frozen with the rest it could not thaw. The root cgroup takes any process.
Result<> step_out_of(const Host& host, const std::string& path) {
  const auto own = os::cgroup_of_process("self");
  return own && is_inside(*own, path) ? os::write_knob(host.paths.cgroups + "/cgroup.procs", "0") : Result<>{};
}

/// Each cgroup of the tree that pays from `paid_so_far` goes to `slot`; a tree inside that another adoption has stays its own.
Result<> map_tree(const Host& host, const std::string& path, std::uint32_t slot, std::uint32_t paid_so_far) {
  const os::CgroupDir cgroup = UBC_TRY(os::CgroupDir::open(path));
  const std::uint64_t id = UBC_TRY(cgroup.id());
  const std::uint32_t now = UBC_TRY(bpf::slot_of_cgroup(host.paths.pins, id));
  if (now != slot && now != paid_so_far) return {};
  if (now != slot) UBC_TRY(bpf::map_cgroup(host.paths.pins, id, slot));
  for (const std::string& name : UBC_TRY(os::names_in(path, os::Entries::directories))) {
    const auto mapped = map_tree(host, path + "/" + name, slot, paid_so_far);
    if (!mapped && mapped.error().code != Code::not_found) return mapped;   // not found: removed meanwhile
  }
  return {};
}

/// A cgroup that found no room in the table when it was made is given one now.
Result<> map_what_was_missed(const Host& host) {
  if (!bpf::hooks_attached(host.paths.pins)) return {};
  const bpf::Ledger ledger = UBC_TRY(bpf::Ledger::open(host.paths.pins));
  if (ledger.health().losses[UBC_LOSS_CGROUP_UNMAPPED] == 0) return {};
  for (const std::uint32_t id : adopted_ids(host))
    if (const auto record = read_adopted(host, id); record && record->slot != 0)
      UBC_TRY(map_tree(host, host.paths.cgroups + record->cgroup, record->slot, 0));
  return {};
}

void for_each_process(const std::string& path, const std::function<void(const std::string&)>& body) {
  std::istringstream pids{os::read_text(path + "/cgroup.procs").value_or("")};
  for (std::string pid; pids >> pid;) body(pid);
  for (const std::string& name : os::names_in(path, os::Entries::directories).value_or(std::vector<std::string>{}))
    for_each_process(path + "/" + name, body);
}

/// A process whose ids lie in the range of our guests would be taken for one of them.
Result<> check_ids(const Host& host, const std::string& path) {
  const std::uint64_t first = host.settings.uid_base, end = first + std::uint64_t{UBC_MAX_SLOTS} * UBC_IDS_PER_SLOT;
  Result<> result;
  for_each_process(path, [&](const std::string& pid) {
    std::istringstream map{os::read_text(fmt::format("/proc/{}/uid_map", pid)).value_or("")};
    std::uint64_t inside = 0, outside = 0, count = 0;
    while (map >> inside >> outside >> count) {
      const bool whole_host = inside == 0 && outside == 0;
      if (!whole_host && outside < end && outside + count > first && result)
        result = os::error(Code::bad_state,
                           "process {} in {} has uids from {} on, inside ubc's own range {} to {}: give it others in /etc/subuid, or move "
                           "UBC's by UID_BASE in ubc.conf",
                           pid, path, outside, first, end - 1);
    }
  });
  return result;
}

Result<> check_target(const Host& host, const std::string& name, const Target& target, const AdoptOptions& options) {
  UBC_TRY(check_name(name));
  if (!options.group.empty()) UBC_TRY(check_group(host, options.group));
  if (target.cgroup == "/") return os::error(Code::bad_state, "Unable to adopt the root cgroup: every process of the host pays there");
  if (is_inside(target.cgroup, "/ubc") || is_inside("/ubc", target.cgroup))
    return os::error(Code::bad_state, "Unable to adopt {}: ubc's own containers are there, and have their numbers already", target.cgroup);
  if (os::parse_number(name)) return os::error(Code::bad_value, "Bad name {}: a number is an id; say --id for that", name);
  if (resolve_id(host, name)) return os::error(Code::exists, "Name {} is in use: choose another, or release it first", name);
  if (group_exists(host, name)) return os::error(Code::exists, "Name {} is in use by a group: choose another", name);
  if (options.id) {
    const auto known = known_ids(host);
    if (*options.id == 0 || *options.id > kMaxId || std::ranges::find(known, *options.id) != known.end())
      return os::error(Code::exists, "id {} is not free: choose another of 1 to {}", *options.id, kMaxId);
  }
  for (const std::uint32_t id : adopted_ids(host))
    if (const auto other = read_adopted(host, id); other && other->cgroup == target.cgroup && is_there(host, *other))
      return os::error(Code::exists, "{} is adopted already, as {}: ubctl release {} first", target.cgroup, other->name, other->name);
  return check_ids(host, host.paths.cgroups + target.cgroup);
}

void restore_knobs(const Host& host, const AdoptedRecord& record) {
  for (const auto& [file, before] : record.knobs) (void)os::write_knob(host.paths.cgroups + record.cgroup + "/" + file, before);
}

/// Stands still, or (a hung process) does not: then the hooks are given a moment to end.
void stand_still(const os::CgroupDir& cgroup) {
  if (!cgroup.freeze(kFreezePatience)) std::this_thread::sleep_for(milliseconds{100});
}

/// The objects of a slot that is let go belong to the nearest adopted ancestor, if there is one.
Result<> return_to_ancestor(const Host& host, bpf::Ledger& ledger, const std::string& path) {
  const os::CgroupDir parent = UBC_TRY(os::CgroupDir::open(path.substr(0, path.rfind('/'))));
  const std::uint64_t id = UBC_TRY(parent.id());
  const std::uint32_t slot = UBC_TRY(bpf::slot_of_cgroup(host.paths.pins, id));
  if (slot == 0) return {};
  UBC_TRY(map_tree(host, path, slot, 0));
  return bpf::take_census(host.paths.pins, ledger, slot, 0);
}

/// Undoes an adoption, whole or half. The adoptions' lock is held.
Result<> let_go(const Host& host, AdoptedRecord record) {
  const std::string path = host.paths.cgroups + record.cgroup;
  const bool there = is_there(host, record);
  record.finished = false;   // interrupted, the next command goes on here
  UBC_TRY(write_adopted(host, record));
  const SignalsWait wait;
  const auto cgroup = there ? os::CgroupDir::open(path) : std::unexpected(Error{});
  os::Rollback thaw;   // after what it thaws, so that it runs before that closes
  if (cgroup) {
    UBC_TRY(step_out_of(host, record.cgroup));
    if (!record.was_frozen) thaw.add([&] { (void)cgroup->thaw(); });
    if (record.slot != 0) stand_still(*cgroup);
  }
  fault_point("release:frozen");
  if (record.slot != 0 && bpf::hooks_attached(host.paths.pins)) {
    bpf::Ledger ledger = UBC_TRY(bpf::Ledger::open_one(record.slot, host.paths.pins));
    UBC_TRY(bpf::forget_slot(host.paths.pins, record.slot));
    if (cgroup) UBC_TRY(return_to_ancestor(host, ledger, path));
    ledger.reset(record.slot);
    UBC_TRY(ledger.join(record.slot, 0));
    UBC_TRY(bpf::announce(record.slot, {}, host.paths.pins));
  }
  if (cgroup) restore_knobs(host, record);
  const auto gone = [&] { remove_adopted(host, record); };
  if (!record.group.empty()) return leave_group(host, record.group, record.id, gone);
  gone();
  return {};
}

/// From the first freeze to the last number. What fails here is undone by let_go().
Result<> seed(const Host& host, AdoptedRecord& record, const AdoptOptions& options, std::vector<std::string>& notes) {
  bpf::Ledger ledger = UBC_TRY(bpf::Ledger::open_one(record.slot, host.paths.pins));
  const std::string path = host.paths.cgroups + record.cgroup;
  const os::CgroupDir cgroup = UBC_TRY(os::CgroupDir::open(path));
  std::uint32_t group_slot = 0;
  if (!record.group.empty()) {
    group_slot = UBC_TRY(join_group(host, record.group, record.id, true, notes));
    notes.push_back(fmt::format("its memory stays in its own cgroup: group {} caps what is counted by hooks, not physpages and swappages",
                                record.group));
  }
  UBC_TRY(take_slot(host, ledger, record.id, record.slot, group_slot, path));
  UBC_TRY(step_out_of(host, record.cgroup));
  const SignalsWait wait;
  UBC_TRY(cgroup.freeze(kFreezePatience));
  os::Rollback thaw;
  if (!record.was_frozen) thaw.add([&] { (void)cgroup.thaw(); });
  fault_point("adopt:frozen");
  const std::uint32_t paid_so_far = UBC_TRY(bpf::slot_of_cgroup(host.paths.pins, record.cgroup_id));
  UBC_TRY(map_tree(host, path, record.slot, paid_so_far));
  UBC_TRY(map_tree(host, path, record.slot, paid_so_far));   // one that was being made during the first walk
  fault_point("adopt:mapped");
  UBC_TRY(bpf::take_census(host.paths.pins, ledger, record.slot, paid_so_far));
  fault_point("adopt:counted");
  UBC_TRY(keep_knobs(host, record, options.limits));
  UBC_TRY(apply_limits(host, record.id, &ledger, record.slot, options.limits, notes));
  return {};
}

Result<AdoptedRecord> draft(const Host& host, const std::string& name, const Target& target, const AdoptOptions& options, bool counted) {
  const os::Fd lock = UBC_TRY(lock_file(host, "slots.lock", LOCK_EX));
  const os::CgroupDir cgroup = UBC_TRY(os::CgroupDir::open(host.paths.cgroups + target.cgroup));
  AdoptedRecord record;
  const std::uint32_t slot = UBC_TRY(free_slot(host));
  record.slot = counted ? slot : 0;
  record.id = options.id.value_or(kFirstAdoptedId + slot);
  while (!options.id && read_adopted(host, record.id)) ++record.id;   // those that are only sampled have no slot
  record.name = name;
  record.cgroup = target.cgroup;
  record.cgroup_id = UBC_TRY(cgroup.id());
  record.source = target.source;
  record.group = counted ? options.group : "";
  record.was_frozen = os::trimmed(cgroup.read("cgroup.freeze").value_or("0")) == "1";
  UBC_TRY(write_adopted(host, record));
  return record;
}

}  // namespace

Result<std::uint32_t> adopt(const Host& host, const std::string& name, const Target& target, const AdoptOptions& options,
                            std::vector<std::string>& notes) {
  const os::Fd lock = UBC_TRY(lock_adoptions(host));
  UBC_TRY(check_target(host, name, target, options));
  const auto hooks = ensure_ledger(host, 0);
  if (!hooks && !(options.force && hooks.error().code == Code::unsupported)) return std::unexpected(hooks.error());
  UBC_TRY(begin_change(host));
  AdoptedRecord record = UBC_TRY(draft(host, name, target, options, hooks.has_value()));
  if (!hooks) UBC_TRY(keep_knobs(host, record, options.limits));
  fault_point("adopt:record");
  auto seeded = hooks ? seed(host, record, options, notes) : apply_limits(host, record.id, nullptr, 0, options.limits, notes);
  record = read_adopted(host, record.id).value_or(record);   // with the knobs as they were
  record.finished = true;
  if (seeded) seeded = write_adopted(host, record);
  if (seeded || let_go(host, record)) end_change(host);
  if (!seeded) return std::unexpected(os::with_context(std::move(seeded), fmt::format("adopt {}", target.cgroup)).error());
  if (!hooks && !options.group.empty())
    notes.push_back(fmt::format("not put into group {}: nothing is charged on this kernel", options.group));
  if (!hooks) notes.push_back(fmt::format("only counted, by a census of /proc when shown, and not limited: {}", hooks.error().message));
  return record.id;
}

Result<> release(const Host& host, std::uint32_t id) {
  const os::Fd lock = UBC_TRY(lock_adoptions(host));
  const auto record = read_adopted(host, id);
  if (!record) return os::error(Code::not_found, "container {} is not adopted: ubctl list -a shows those that are", id);
  UBC_TRY(begin_change(host));
  const auto gone = let_go(host, *record);
  if (gone) end_change(host);
  return os::with_context(gone, fmt::format("release {}", record->name));
}

namespace {

/// True where nothing of it is left half done.
bool mend(const Host& host, const AdoptedRecord& record, std::vector<std::string>& notes) {
  if (record.finished && is_there(host, record)) return true;
  auto gone = begin_change(host);
  if (gone) gone = let_go(host, record);
  if (!gone)
    notes.push_back(fmt::format("releasing {}: {}", record.name, gone.error().message));
  else if (!record.finished)
    notes.push_back(fmt::format("{} was half adopted or half released: it is released, and runs", record.name));
  return gone.has_value();
}

}  // namespace

void mend_adopted(const Host& host, std::optional<std::uint32_t> only, std::vector<std::string>& notes) {
  if (::access((host.paths.run + "/adopted").c_str(), F_OK) != 0) return;
  const auto lock = lock_adoptions(host, LOCK_EX | LOCK_NB);
  if (!lock) return;
  if (::access(mark_of(host).c_str(), F_OK) == 0) only.reset();
  bool whole = true;
  for (const std::uint32_t id : only ? std::vector{*only} : adopted_ids(host))
    if (const auto record = read_adopted(host, id)) whole = mend(host, *record, notes) && whole;
  if (only) return;
  if (whole) end_change(host);
  if (const auto mapped = map_what_was_missed(host); !mapped) notes.push_back(mapped.error().message);
}

}  // namespace ubc::container

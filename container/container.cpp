// SPDX-License-Identifier: Apache-2.0
#include "container/container.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <thread>

#include "accounting/vswap.h"
#include "bpf/attached_hooks.h"
#include "container/action_scripts.h"
#include "container/adopted_record.h"
#include "container/bind_mounts.h"
#include "container/console.h"
#include "container/console_log.h"
#include "container/device_nodes.h"
#include "container/disk_quota.h"
#include "container/ending.h"
#include "container/group.h"
#include "container/group_record.h"
#include "container/guarantees.h"
#include "container/guest_rights.h"
#include "container/host_mount.h"
#include "container/network.h"
#include "container/proc_views.h"
#include "container/process_limits.h"
#include "container/share_tuning.h"
#include "container/suspension.h"
#include "container/tuning.h"
#include "isolate/handshake.h"
#include "isolate/launch.h"
#include "os/assignments.h"
#include "os/process.h"
#include "os/scope_guard.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

using accounting::ConfigFile;
using isolate::fault_point;
using std::chrono::milliseconds;

constexpr milliseconds kTeardownPatience{20'000};
/// Below a container's own: what its first process is born in, and what is run in it from outside.
constexpr const char *kGuestCgroup = "/guest", *kExecCgroup = "/exec";

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(' ', at)) != text.npos) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

Result<isolate::GuestSpec> spec_of(const Host& host, std::uint32_t id, std::uint32_t slot, const ConfigFile& config,
                                   std::vector<std::string>& notes) {
  const isolate::TemplateInfo found = UBC_TRY(lower_of(host, id));
  isolate::GuestSpec spec;
  spec.name = std::to_string(id);
  spec.base = host.settings.uid_base + slot * isolate::kIdsPerGuest;
  spec.lower = found.rootfs;
  spec.area = host.paths.area_of(id);
  spec.hostname = config.get("HOSTNAME").value_or("");
  if (const std::string init = config.get("INIT").value_or(""), own = init.empty() ? found.init : init; !own.empty())
    spec.init = words_of(own);
  spec.denied_capabilities = denied_capabilities(config.get("CAPABILITY").value_or(""));
  grant_features(config.get("FEATURES").value_or(""), spec, notes);
  const auto devices = UBC_TRY(devices_in(config.get("DEVNODES").value_or("")));
  spec.devices.insert(spec.devices.end(), devices.begin(), devices.end());
  spec.binds = UBC_TRY(parse_bind_mounts(config.get("BINDMOUNT").value_or("")));
  return spec;
}

/// ubc/<id> (or ubc/<group>/<id>) with all limits, and guest/ below it, which is the guest's own.
Result<os::CgroupDir> make_cgroups(const Host& host, const std::string& path, uid_t owner) {
  UBC_TRY(containers_cgroup(host));
  UBC_TRY(os::remove_cgroup(path, milliseconds{2000}));   // one that was killed kills what is cloned into it
  const os::CgroupDir container = UBC_TRY(os::CgroupDir::make(path));
  UBC_TRY(container.enable_controllers({"cpu", "io", "memory", "pids"}));
  os::CgroupDir guest = UBC_TRY(os::CgroupDir::make(path + kGuestCgroup));
  UBC_TRY(share_guarantee(guest));
  UBC_TRY(guest.delegate(owner));
  return guest;
}

/// SIGKILL to all in the container, then away with its cgroups and its record, and its group's where it was the last. What its umount
/// scripts complain of goes to `notes`.
Result<> tear_down(const Host& host, std::uint32_t id, std::vector<std::string>& notes) {
  const std::string path = cgroup_path_of(host, id);
  const RunRecord record = read_record(host, id).value_or(RunRecord{});
  const std::string& group = record.group;
  if (const auto cgroup = os::CgroupDir::open(path)) {
    keep_memory_counters(host, id, *cgroup);
    (void)cgroup->write("cgroup.freeze", "0");   // a frozen tree never ends
    UBC_TRY(cgroup->kill());
    UBC_TRY(guarantee_memory(host, path, 0));
  } else {
    UBC_TRY(sum_guarantees(host));
  }
  if (const auto slot = slot_of(host, id)) (void)bpf::announce(*slot, {}, host.paths.pins);   // no hooks, nothing to withdraw
  for (const char* below : {kExecCgroup, kGuestCgroup}) (void)::rmdir((path + below).c_str());  // mostly there is nothing else to look for
  UBC_TRY(os::remove_cgroup(path, kTeardownPatience));
  fault_point("teardown:cgroups");
  UBC_TRY(drop_tree(host, id));  // which holds the guest's network namespace, too
  UBC_TRY(unplug(host, id, record));
  if (const auto ran = run_host_scripts(host, id, "umount"); !ran) notes.push_back(ran.error().message);
  const auto gone = [&] { remove_record(host, id); };
  if (!group.empty()) return leave_group(host, group, id, gone);
  gone();
  return {};
}

/// Objects whose last reference goes after an RCU grace period are given back a moment after the last process.
void await_idle(const Host& host, std::uint32_t id) {
  const auto slot = slot_of(host, id);
  if (!slot) return;
  const auto ledger = bpf::Ledger::open_one(*slot, host.paths.pins);
  if (!ledger) return;
  for (int tries = 0; tries < 200 && !ledger->idle(*slot); ++tries) std::this_thread::sleep_for(milliseconds{10});
}

}  // namespace

isolate::TemplateStore templates_of(const Host& host) { return {host.paths.lib + "/templates", host.paths.tools}; }

Error unknown_container(std::uint32_t id) {
  return {Code::not_found, 0, fmt::format("there is no container {}: ubctl list -a shows those that exist", id)};
}

bool has_files(const Host& host, std::uint32_t id) {
  return ::access(host.paths.area_of(id).c_str(), F_OK) == 0 && ::access(host.paths.config_of(id).c_str(), F_OK) == 0;
}

Status status_of(const Host& host, std::uint32_t id) {
  if (read_adopted(host, id)) return {true, true, true};  // one whose cgroup is gone has been released when the command began
  const bool runs = running(host, id).has_value();
  return {has_files(host, id), runs, runs || is_mounted(host, id)};
}

Result<Running> running(const Host& host, std::uint32_t id) {
  const auto record = read_record(host, id);
  const auto not_running = [&] { return os::error(Code::bad_state, "Container {} is not running", id); };
  if (!record || record->starting) return not_running();
  auto pidfd = os::open_pidfd(record->init_pid);
  if (!pidfd) return not_running();
  const auto started = os::start_time_of(record->init_pid);
  if (!started || *started != record->init_start_time) return not_running();
  const auto ended = os::wait_for_exit(*pidfd, milliseconds{0});
  if (!ended || *ended) return not_running();
  return Running{*record, std::move(*pidfd)};
}

Result<os::Fd> lock_container(const Host& host, std::uint32_t id, std::string_view what) {
  UBC_TRY(os::make_directories(host.paths.run));
  os::Fd lock = UBC_TRY(take_lock(fmt::format("{}/{}.lock", host.paths.run, id), fmt::format("{} {}", what, id)));
  UBC_TRY(reconcile(host, id));
  return lock;
}

Result<bool> reconcile(const Host& host, std::uint32_t id) {
  if (!read_record(host, id) && ::access(host.paths.cgroup_of(id, "").c_str(), F_OK) != 0) return false;
  if (const auto guest = running(host, id)) return mend_network(host, id, *guest);
  std::vector<std::string> unheard;  // by who does something else
  UBC_TRY(os::with_context(tear_down(host, id, unheard), fmt::format("clearing what an earlier run of container {} left", id)));
  return true;
}

Result<isolate::TemplateInfo> lower_of(const Host& host, std::uint32_t id) {
  const std::string name = UBC_TRY(template_of(host, id));
  isolate::TemplateInfo lower = UBC_TRY(templates_of(host).find(name));
  const auto own = os::read_text(host.paths.area_of(id) + "/info");
  if (!own) return lower;
  const os::Assignments says{*own};
  lower.init = says.get("INIT");
  lower.stop = says.get("STOP");
  return lower;
}

Result<> create(const Host& host, std::uint32_t id, const std::string& ostemplate, ConfigFile config, const AreaFill& fill) {
  UBC_TRY(templates_of(host).find(ostemplate));
  UBC_TRY(effective_limits(config));
  if (const auto group = config.get("GROUP"); group && !group->empty()) UBC_TRY(check_group(host, *group));
  os::Rollback rollback;
  UBC_TRY(make_area(host, id, ostemplate, fill));
  rollback.add([&] { (void)remove_area(host, id); });
  fault_point("create:area");
  if (const auto name = config.get("NAME"); name && !name->empty()) {
    UBC_TRY(assign_name(host, id, *name));
    rollback.add([&] { drop_names(host, id); });
  }
  if (!fill) config.set("OSTEMPLATE", ostemplate);
  UBC_TRY(os::make_directories(host.paths.conf()));
  UBC_TRY(config.save(host.paths.config_of(id)));
  fault_point("create:config");
  rollback.commit();
  return {};
}

Result<> start(const Host& host, std::uint32_t id, const StartOptions& options, std::vector<std::string>& notes) {
  const std::uint32_t slot = UBC_TRY(slot_of(host, id));
  const auto config = os::with_context(ConfigFile::load(host.paths.config_of(id)), fmt::format("the configuration of container {}", id));
  if (!config) return std::unexpected(config.error());
  if (config->get("DISABLED") == "yes" && !options.force)
    return os::error(Code::bad_state, "container {} is disabled: ubctl set {} --disabled no --save, or start --force", id, id);
  for (const std::string& complaint : config->complaints()) notes.push_back(fmt::format("{}, {}", host.paths.config_of(id), complaint));
  const AllLimits limits = UBC_TRY(effective_limits(*config));
  if (accounting::is_vswap(limits) && !limits[UBC_SWAPPAGES])
    notes.push_back(fmt::format("Container {} has a limit of RAM and none of swap: ubctl set {} --swap SIZE --save", id, id));
  isolate::GuestSpec spec = UBC_TRY(spec_of(host, id, slot, *config, notes));
  const NetworkSettings network = UBC_TRY(network_in(*config));
  for (const std::string& complaint : complaints_of(config->get("FEATURES").value_or(""), config->get("CAPABILITY").value_or("")))
    notes.push_back(complaint);
  RunRecord record{.capabilities = config->get("CAPABILITY").value_or(""),
                   .group = config->get("GROUP").value_or(""),
                   .addresses = network.addresses,
                   .bridged = network.bridged};
  const std::string cgroup = host.paths.cgroup_of(id, record.group);
  if (is_mounted(host, id)) {  // a second overlay on one upper layer is nothing that the kernel answers for
    UBC_TRY(unmount_tree(host, id));
    notes.push_back(fmt::format("its tree was unmounted: ubctl mount {} shows it again", id));
  }
  os::Rollback rollback;
  UBC_TRY(write_record(host, id, record));
  rollback.add([&] { (void)tear_down(host, id, notes); });
  fault_point("start:record");
  UBC_TRY(run_host_scripts(host, id, "mount"));
  auto ledger = ensure_ledger(host, slot);
  if (!ledger && !(options.force && ledger.error().code == Code::unsupported)) return std::unexpected(ledger.error());
  const std::uint32_t group_slot = record.group.empty() ? 0 : UBC_TRY(join_group(host, record.group, id, ledger.has_value(), notes));
  fault_point("start:group");
  const os::CgroupDir guest = UBC_TRY(make_cgroups(host, cgroup, spec.base));
  fault_point("start:cgroups");
  if (ledger && !bpf::programs_current(host.paths.pins))
    notes.push_back("the hooks that run are another version's: ubctl hooks upgrade puts this one's in their place, live");
  if (ledger) UBC_TRY(take_slot(host, *ledger, id, slot, group_slot, cgroup));
  if (ledger) spec.files.push_back({fmt::format("{}/{}", host.paths.pins, bpf::kOwnBeancounters), "user_beancounters"});
  UBC_TRY(apply_limits(host, id, ledger ? &*ledger : nullptr, slot, limits, notes));
  UBC_TRY(apply_shares(host, id, *config, notes));
  limit_disk_at_start(host, id, *config, notes);
  fault_point("start:limits");
  spec.cgroup_fd = guest.fd();
  spec.oom_score_adj = UBC_TRY(oom_score_adj_of(host, limits[UBC_OOMGUARPAGES]));
  spec.lockable_bytes = lockable_bytes_of(limits[UBC_LOCKEDPAGES]);
  UBC_TRY(plan_network(host, id, network, spec, notes));
  plan_console(host, id, spec, notes);
  plan_proc_views(spec, notes);
  const auto started = os::with_context(isolate::launch(spec), fmt::format("start container {}", id));
  if (!started) return std::unexpected(started.error());
  fault_point("start:launched");
  const auto start_time = os::start_time_of(started->init_pid);  // fails where it has ended already
  record.starting = false;
  record.init_pid = started->init_pid;
  record.init_start_time = start_time.value_or(0);
  record.started_at = ::time(nullptr);
  UBC_TRY(write_record(host, id, record));
  UBC_TRY(run_guest_script(host, id, "start"));
  rollback.commit();
  return {};
}

Result<> stop(const Host& host, std::uint32_t id, bool fast, std::vector<std::string>& notes) {
  const Running guest = UBC_TRY(running(host, id));
  if (is_suspended(host, id)) UBC_TRY(resume(host, id));  // what is frozen hears no signal
  if (!fast) {
    if (const auto ran = run_guest_script(host, id, "stop"); !ran) notes.push_back(ran.error().message);
    UBC_TRY(ask_to_end(host, id, guest, notes));
  }
  fault_point("stop:asked");
  UBC_TRY(tear_down(host, id, notes));
  fault_point("stop:killed");
  await_idle(host, id);
  return {};
}

Result<> destroy(const Host& host, std::uint32_t id) {
  const bool area = ::access(host.paths.area_of(id).c_str(), F_OK) == 0;
  const std::string config = host.paths.config_of(id);
  if (!area && ::access(config.c_str(), F_OK) != 0) return std::unexpected(unknown_container(id));
  if (running(host, id)) return os::error(Code::bad_state, "Container is currently running. Stop it first.");
  if (is_mounted(host, id)) return os::error(Code::exists, "Container is currently mounted (umount first)");
  UBC_TRY(remove_area(host, id));
  forget_disk(host, id);
  remove_console_log(host.paths.console_log_of(id));
  fault_point("destroy:area");
  drop_names(host, id);
  if (::rename(config.c_str(), (config + ".destroyed").c_str()) != 0 && errno != ENOENT) return os::sys_error(errno, "put away", config);
  return {};
}

namespace {

/// The guest's init may have enabled controllers in its own cgroup, which then takes no process: a sibling below the same limits always
/// does.
Result<os::CgroupDir> make_cgroup_beside(const Host& host, std::uint32_t id) {
  const std::string path = cgroup_path_of(host, id) + kExecCgroup;
  if (auto there = os::CgroupDir::open(path)) return there;
  os::CgroupDir beside = UBC_TRY(os::CgroupDir::make(path));
  UBC_TRY(share_guarantee(beside));
  return beside;
}

}  // namespace

Result<int> exec(const Host& host, std::uint32_t id, const std::vector<std::string>& command, bool terminal, int input) {
  const Running guest = UBC_TRY(running(host, id));
  const os::CgroupDir beside = UBC_TRY(make_cgroup_beside(host, id));
  return os::with_context(isolate::run_in_guest({&guest.pidfd, guest.record.init_pid, beside.fd(), command,
                                                 denied_capabilities(guest.record.capabilities), input, terminal}),
                          fmt::format("run {} in container {}", command.front(), id));
}

Result<> act(const Host& host, std::uint32_t id, const std::function<Result<>()>& what) {
  const Running guest = UBC_TRY(running(host, id));
  if (is_suspended(host, id)) return os::error(Code::bad_state, "container {} is suspended: ubctl resume {} first", id, id);
  const os::CgroupDir beside = UBC_TRY(make_cgroup_beside(host, id));
  return isolate::act_in_guest(
      {&guest.pidfd, guest.record.init_pid, beside.fd(), {}, denied_capabilities(guest.record.capabilities), 0, false}, what);
}

}  // namespace ubc::container

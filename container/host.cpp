// SPDX-License-Identifier: Apache-2.0
#include "container/host.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "accounting/actions.h"
#include "accounting/config_file.h"
#include "accounting/resource.h"
#include "bpf/attached_hooks.h"
#include "bpf/kernel_support.h"
#include "isolate/run_program.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

bool has_memory_controller(const Host& host) {
  const auto controllers = os::read_text(host.paths.cgroups + "/cgroup.controllers");
  return controllers && controllers->contains("memory");
}

Result<> read_uid_base(const accounting::ConfigFile& file, HostSettings& settings, const std::string& path) {
  const auto text = file.get("UID_BASE");
  if (!text) return {};
  const auto base = os::parse_number(*text);
  if (!base || *base == 0 || *base % UBC_IDS_PER_SLOT != 0 || *base > 0xffffffffULL - std::uint64_t{UBC_MAX_SLOTS} * UBC_IDS_PER_SLOT)
    return os::error(Code::bad_value, "{}: UID_BASE=\"{}\" must be a multiple of 65536 with room for {} ranges above it", path, *text,
                     UBC_MAX_SLOTS);
  settings.uid_base = static_cast<std::uint32_t>(*base);
  return {};
}

Result<> read_fork_errno(const accounting::ConfigFile& file, HostSettings& settings, const std::string& path) {
  const std::string text = file.get("FORK_ERRNO").value_or("ENOMEM");
  if (text != "ENOMEM" && text != "EAGAIN") return os::error(Code::bad_value, "{}: FORK_ERRNO=\"{}\" must be ENOMEM or EAGAIN", path, text);
  settings.fork_errno = text == "EAGAIN" ? EAGAIN : ENOMEM;
  return {};
}

Result<> read_stop_timeout(const accounting::ConfigFile& file, HostSettings& settings, const std::string& path) {
  const auto text = file.get("STOP_TIMEOUT");
  if (!text) return {};
  const auto seconds = os::parse_number(*text);
  if (!seconds || *seconds > 86400)
    return os::error(Code::bad_value, "{}: STOP_TIMEOUT=\"{}\" must be seconds, at most 86400", path, *text);
  settings.stop_timeout_s = static_cast<int>(*seconds);
  return {};
}

Result<> read_counted(const accounting::ConfigFile& file, HostSettings& settings, const std::string& path) {
  for (const auto& [key, group] : {std::pair{"SOCKET_BUFFERS", bpf::HookGroup::socket_buffers}, {"FILE_LOCKS", bpf::HookGroup::locks}}) {
    const std::string text = file.get(key).value_or("auto");
    if (text != "on" && text != "auto") return os::error(Code::bad_value, "{}: {}=\"{}\" must be on or auto", path, key, text);
    if (text == "on") settings.counted.push_back(group);
  }
  return {};
}

Result<> read_yes_or_no(const accounting::ConfigFile& file, std::string_view key, bool& setting, const std::string& path) {
  const auto text = file.get(key);
  if (!text) return {};
  if (text != "yes" && text != "no") return os::error(Code::bad_value, "{}: {}=\"{}\" must be yes or no", path, key, *text);
  setting = text == "yes";
  return {};
}

/// Two that attach at once: the second waits, and finds it done.
Result<os::Fd> lock_hooks(const Host& host) { return lock_file(host, "hooks.lock", LOCK_EX); }

Result<bpf::HookPlan> enforcing_plan(const Host& host) {
  bpf::HookPlan plan = plan_hooks(host);
  if (!plan.can_enforce())
    return os::error(Code::unsupported, "this kernel cannot enforce what a container is limited to: {}; see ubctl features",
                     plan.why_not());
  return plan;
}

bpf::HookSettings hook_settings(const Host& host) {
  struct sysinfo seen{};
  (void)::sysinfo(&seen);
  return {host.settings.uid_base, bpf::object_bits_for(std::uint64_t{seen.totalram} * seen.mem_unit), host.settings.fork_errno,
          accounting::names_by_number()};
}

Result<> attach(const Host& host) {
  const os::Fd lock = UBC_TRY(lock_hooks(host));
  if (bpf::hooks_attached(host.paths.pins)) return {};
  return bpf::attach_hooks(UBC_TRY(enforcing_plan(host)), hook_settings(host), host.paths.pins);
}

}  // namespace

Result<Host> load_host(HostPaths paths) {
  const std::string path = paths.etc + "/ubc.conf";
  const auto file = UBC_TRY(accounting::ConfigFile::load(path));
  if (!file.complaints().empty()) return os::error(Code::bad_value, "{}, {}", path, file.complaints().front());
  Host host{std::move(paths), {}};
  UBC_TRY(read_uid_base(file, host.settings, path));
  UBC_TRY(read_fork_errno(file, host.settings, path));
  UBC_TRY(read_stop_timeout(file, host.settings, path));
  host.settings.sample = file.get("CONFIGFILE").value_or("");
  UBC_TRY(read_counted(file, host.settings, path));
  UBC_TRY(read_yes_or_no(file, "GUEST_TO_GUEST", host.settings.guest_to_guest, path));
  UBC_TRY(read_yes_or_no(file, "GUEST_TO_HOST", host.settings.guest_to_host, path));
  host.settings.actions = file.get("ACTIONS").value_or("");
  UBC_TRY(os::with_context(accounting::parse_actions(host.settings.actions), path));
  return host;
}

Result<> check_cgroups(const Host& host) {
  struct statfs seen{};
  if (::statfs(host.paths.cgroups.c_str(), &seen) != 0) return os::sys_error(errno, "look at", host.paths.cgroups);
  if (seen.f_type != CGROUP2_SUPER_MAGIC)
    return os::error(Code::unsupported, "{} is not cgroup v2: boot with systemd.unified_cgroup_hierarchy=1, or without cgroup v1",
                     host.paths.cgroups);
  if (!has_memory_controller(host))
    return os::error(Code::unsupported, "cgroup v2 at {} has no memory controller (cgroup v1 holds it): boot without cgroup v1",
                     host.paths.cgroups);
  return {};
}

Result<os::CgroupDir> containers_cgroup(const Host& host) {
  const std::vector<std::string_view> controllers{"cpuset", "cpu", "io", "memory", "pids"};
  if (auto made = os::CgroupDir::open(host.paths.cgroups + "/ubc"); made && made->gives(controllers)) return made;
  UBC_TRY(check_cgroups(host));
  const os::CgroupDir root = UBC_TRY(os::CgroupDir::open(host.paths.cgroups));
  UBC_TRY(root.enable_controllers(controllers));
  os::CgroupDir ours = UBC_TRY(os::CgroupDir::make(host.paths.cgroups + "/ubc"));
  UBC_TRY(ours.enable_controllers(controllers));
  return ours;
}

bpf::HookPlan plan_hooks(const Host& host) { return bpf::decide_hooks(bpf::probe_kernel(), check_cgroups(host).has_value()); }

Result<bpf::Ledger> ensure_ledger(const Host& host, std::uint32_t slot) {
  if (!bpf::hooks_attached(host.paths.pins)) UBC_TRY(attach(host));
  for (const bpf::HookGroup group : host.settings.counted) UBC_TRY(ensure_group(host, group));
  bpf::Ledger ledger = UBC_TRY(bpf::Ledger::open_one(slot, host.paths.pins));
  if (ledger.settings().uid_base != host.settings.uid_base)
    return os::error(
        Code::bad_value,
        "the hooks count uids from {}, but ubc.conf says UID_BASE=\"{}\": stop all containers, run ubctl hooks detach, and start again",
        ledger.settings().uid_base, host.settings.uid_base);
  ledger.set_fork_errno(host.settings.fork_errno);
  return ledger;
}

Result<> ensure_group(const Host& host, bpf::HookGroup group) {
  if (bpf::group_attached(group, host.paths.pins)) return {};
  const os::Fd lock = UBC_TRY(lock_hooks(host));
  if (bpf::group_attached(group, host.paths.pins)) return {};
  for (const std::string_view module : bpf::modules_of(group)) isolate::load_module(module);
  const bpf::HookPlan plan = plan_hooks(host);
  for (const accounting::ResourceInfo& info : accounting::kResources)
    if (const bpf::ResourceMode& mode = plan.modes[info.resource]; bpf::group_of(info.resource) == group && mode.mode == bpf::Mode::off)
      return os::error(Code::unsupported, "this kernel cannot count {}: {}", info.name, mode.reason);
  UBC_TRY(containers_cgroup(host));
  return bpf::attach_group(plan, group, host.paths.cgroups + "/ubc", host.paths.pins);
}

Result<std::size_t> upgrade_hooks(const Host& host) {
  const os::Fd lock = UBC_TRY(lock_hooks(host));
  if (!bpf::hooks_attached(host.paths.pins)) return os::error(Code::not_found, "no hooks are attached: ubctl hooks attach does that");
  const bpf::HookPlan plan = UBC_TRY(enforcing_plan(host));
  return bpf::upgrade_hooks(plan, hook_settings(host), host.paths.cgroups + "/ubc", host.paths.pins);
}

Result<os::Fd> lock_file(const Host& host, std::string_view name, int how) {
  const std::string path = fmt::format("{}/{}", host.paths.run, name);
  UBC_TRY(os::make_directories(path.substr(0, path.rfind('/'))));
  os::Fd lock = UBC_TRY(os::open_file(path, O_RDWR | O_CREAT, 0600));
  if (::flock(lock.get(), how) != 0) return os::sys_error(errno, "lock", path);
  return lock;
}

Result<os::Fd> take_lock(const std::string& path, std::string_view what) {
  os::Fd lock = UBC_TRY(os::open_file(path, O_RDWR | O_CREAT, 0600));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return os::sys_error(errno, "lock", path);
    const auto holder = os::read_text(path);
    return os::error(Code::busy, "Container already locked by {}: wait for it, or see what it does",
                     holder && !holder->empty() ? os::trimmed(*holder) : "another command");
  }
  const std::string text = fmt::format("pid {}, ubctl {}\n", ::getpid(), what);
  if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), text.data(), text.size(), 0) < 0) return os::sys_error(errno, "write", path);
  return lock;
}

}  // namespace ubc::container

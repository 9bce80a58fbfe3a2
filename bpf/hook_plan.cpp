// SPDX-License-Identifier: Apache-2.0
#include "bpf/hook_plan.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>

namespace ubc::bpf {
namespace {

using enum HookKind;

const Ability& ability_for(const KernelSupport& seen, HookKind kind) {
  switch (kind) {
    case lsm: return seen.lsm;
    case fmod_ret: return seen.fmod_ret;
    case fentry:
    case fexit:
    case tracepoint: return seen.fentry;
    case kprobe: return seen.kprobe;
    case iterator:
    case request: return seen.iterators;
    case cgroup: return seen.btf;
  }
  std::unreachable();
}

/// A purpose whose only good hook is chosen by the kernel's preemption: the others can't be trusted there.
bool by_preemption(Purpose purpose) {
  return purpose == Purpose::reap_task || purpose == Purpose::free_mm || purpose == Purpose::move_task || purpose == Purpose::adopt_fork ||
         purpose == Purpose::free_lock || purpose == Purpose::free_shmem || purpose == Purpose::free_pty;
}

/// All of the purpose's hooks are attached, not the first that fits.
bool takes_all(Purpose purpose) {
  constexpr Purpose kTaken[] = {Purpose::true_up,     Purpose::true_up_locked, Purpose::charge_shared, Purpose::free_ipc, Purpose::audit,
                                Purpose::after_send,  Purpose::after_release,  Purpose::keep_sndbuf,   Purpose::print,    Purpose::census,
                                Purpose::count_rules, Purpose::free_rules,     Purpose::gate_rules,    Purpose::sight};
  return std::ranges::find(kTaken, purpose) != std::end(kTaken);
}

bool usable(const KernelSupport& seen, const Hook& hook, bool preemptible) {
  if (!ability_for(seen, hook.kind).present || !seen.functions.contains(hook.function)) return false;
  if (hook.program == "charge_file" || hook.program == "gate_kernel_file") return seen.lsm_file_alloc.present;
  if (hook.program == "gate_kernel_pipe") return !seen.lsm_file_alloc.present;   // which refuses for it
  // Without preemption fmod_ret is never skipped and charges by itself; with it, a kprobe charges and fmod_ret only refuses.
  if (hook.program == "charge_file_kprobe") return preemptible && seen.lsm.present;
  if (by_preemption(hook.purpose)) return (hook.kind == kprobe) == (preemptible && seen.kprobe.present);
  return true;
}

bool has(const HookPlan& plan, Purpose purpose) {
  return std::ranges::any_of(plan.hooks, [&](const Hook& hook) { return hook.purpose == purpose; });
}

bool has_all(const HookPlan& plan, std::initializer_list<Purpose> purposes) {
  return std::ranges::all_of(purposes, [&](Purpose purpose) { return has(plan, purpose); });
}

void choose_hooks(HookPlan& plan, const KernelSupport& seen) {
  bool charges_by_kprobe = false;
  for (const Hook& hook : bpf::hooks()) {
    if (!usable(seen, hook, plan.preemptible)) continue;
    if (!takes_all(hook.purpose) && has(plan, hook.purpose)) continue;
    const bool only_beside_kprobe =
        hook.purpose == Purpose::refuse_file || hook.purpose == Purpose::refuse_open || hook.purpose == Purpose::reserve_files;
    if (only_beside_kprobe && !charges_by_kprobe) continue;
    if (hook.purpose == Purpose::refuse_pty && has(plan, Purpose::reserve_files)) continue;   // which refuses for it
    if (hook.program == "charge_file_kprobe") charges_by_kprobe = true;
    plan.hooks.push_back(hook);
  }
}

std::string why_no_hooks(const KernelSupport& seen) {
  for (const Ability* ability : {&seen.btf, &seen.lsm, &seen.fmod_ret, &seen.fentry})
    if (!ability->present) return ability->reason;
  return "this kernel lacks one of the functions that the hooks need";
}

void decide_hooked(HookPlan& plan, const KernelSupport& seen) {
  const auto set = [&](ubc_resource resource, bool exact, std::string how) {
    plan.modes[resource] = exact ? ResourceMode{Mode::exact, std::move(how)} : ResourceMode{Mode::sampled, why_no_hooks(seen)};
  };
  const bool tasks = has_all(plan, {Purpose::charge_task, Purpose::free_task, Purpose::reap_task, Purpose::join});
  set(UBC_NUMPROC, tasks, "counted and refused at fork");
  set(UBC_PRIVVMPAGES,
      tasks && has_all(plan, {Purpose::reserve_mapping, Purpose::reserve_growth, Purpose::reserve_writable, Purpose::true_up,
                              Purpose::adopt_fork, Purpose::free_mm}),
      plan.preemptible ? "refused at mmap, brk, mprotect and fork; skipped true-ups are audited" : "counted and refused at each mapping");
  set(UBC_NUMFILE, has_all(plan, {Purpose::charge_file, Purpose::free_file}),
      has(plan, Purpose::refuse_open)
          ? "counted by a kprobe; refused at open, pipe, socket; eventfd and its kind within the bound of docs/resources.md"
          : "counted and refused at allocation");
  const bool sockets = has_all(plan, {Purpose::charge_socket, Purpose::free_socket});
  set(UBC_NUMTCPSOCK, sockets && has_all(plan, {Purpose::refuse_handshake, Purpose::charge_accepted}),
      "counted and refused at socket() and at the handshake");
  set(UBC_NUMOTHERSOCK, sockets && has(plan, Purpose::charge_unix_accept), "counted and refused at socket() and UNIX connect()");
}

void decide_locks_and_ipc(HookPlan& plan, const KernelSupport& seen) {
  const auto set = [&](ubc_resource resource, std::initializer_list<Purpose> needed, const char* how) {
    plan.modes[resource] = has_all(plan, needed) ? ResourceMode{Mode::exact, how} : ResourceMode{Mode::off, why_no_hooks(seen)};
  };
  set(UBC_NUMFLOCK, {Purpose::charge_lock, Purpose::remember_lock, Purpose::free_lock, Purpose::census_locks},
      "counted and refused at flock() and fcntl()");
  set(UBC_LOCKEDPAGES, {Purpose::true_up_locked, Purpose::reserve_mapping, Purpose::charge_segment_lock, Purpose::gate_segment},
      "counted; refused at mmap, brk and SHM_LOCK; mlock() of each process within RLIMIT_MEMLOCK");
  set(UBC_SHMPAGES,
      {Purpose::true_up_shmem, Purpose::charge_segment, Purpose::charge_shared, Purpose::reserve_segment, Purpose::reserve_mapping,
       Purpose::reserve_growth, Purpose::free_shmem},
      "counted; refused at shmget(), at mmap() of shared anonymous memory, and by the block of tmpfs and memfd");
  const Purpose refuses_pty = has(plan, Purpose::reserve_files) ? Purpose::reserve_files : Purpose::refuse_pty;
  set(UBC_NUMPTY, {Purpose::charge_pty, refuses_pty, Purpose::free_pty}, "counted and refused at the open of ptmx");
  set(UBC_NUMSIGINFO, {Purpose::gate_signal, Purpose::publish},
      "the kernel's count; real-time signals refused; timers within RLIMIT_SIGPENDING alone");
  set(UBC_NUMINOTIFY, {Purpose::gate_watch, Purpose::publish}, "the kernel's count; one over the barrier gets no watch");
  set(UBC_NUMWATCH, {Purpose::gate_watch, Purpose::publish}, "the kernel's count; refused at inotify_add_watch()");
  set(UBC_NUMUSERNS, {Purpose::gate_userns, Purpose::publish}, "the kernel's count; refused at clone() and unshare()");
  set(UBC_NUMMOUNT, {Purpose::gate_mount, Purpose::gate_move_mount, Purpose::publish},
      "the kernel's count of each mount namespace; refused at mount() and move_mount()");
  set(UBC_NUMBPF, {Purpose::charge_map, Purpose::charge_prog, Purpose::free_map, Purpose::free_prog}, "counted and refused at bpf()");
  set(UBC_NUMMSGQUEUE, {Purpose::charge_msgqueue, Purpose::free_ipc}, "counted and refused at msgget()");
  set(UBC_NUMSEMSET, {Purpose::charge_semset, Purpose::free_ipc}, "counted and refused at semget()");
}

bool has_hook(const HookPlan& plan, std::string_view program) {
  return std::ranges::any_of(plan.hooks, [&](const Hook& hook) { return hook.program == program; });
}

void decide_buffers(HookPlan& plan, const KernelSupport& seen) {
  const bool base = has_all(plan, {Purpose::charge_socket, Purpose::free_socket, Purpose::free_buffers, Purpose::audit_buffers});
  const auto set = [&](ubc_resource resource, std::initializer_list<std::string_view> programs, std::string how) {
    const bool exact = base && std::ranges::all_of(programs, [&](std::string_view program) { return has_hook(plan, program); });
    plan.modes[resource] = exact ? ResourceMode{Mode::exact, std::move(how)} : ResourceMode{Mode::off, why_no_hooks(seen)};
  };
  set(UBC_TCPSNDBUF, {"reserve_send", "after_tcp_send", "after_tcp_release"}, "counted and refused at send");
  set(UBC_TCPRCVBUF, {"charge_received", "after_tcp_release"}, "counted; segments beyond are dropped, and sent again");
  set(UBC_OTHERSOCKBUF, {"reserve_send", "after_unix_stream", "after_unix_dgram", "after_udp_send", "after_consumed"},
      "counted and refused at send");
  set(UBC_DGRAMRCVBUF, {"charge_received", "after_udp_receive"}, "counted; datagrams beyond are dropped");
}

/// Where the kernel has neither kind of table there is nothing to count.
void decide_netfilter(HookPlan& plan, const KernelSupport& seen) {
  const bool gates = has_hook(plan, "gate_rule_message") && has_hook(plan, "gate_table") && has_hook(plan, "free_net");
  const bool nftables = !seen.modules.contains("nf_tables") || (has_hook(plan, "after_rule") && has_hook(plan, "free_rule"));
  const bool iptables = !seen.modules.contains("x_tables") || has_hook(plan, "after_table");
  plan.modes[UBC_NUMIPTENT] =
      gates && nftables && iptables
          ? ResourceMode{Mode::exact, "rules of nftables and entries of iptables; refused at netlink and setsockopt()"}
          : ResourceMode{Mode::off, why_no_hooks(seen)};
}

void decide_memory(HookPlan& plan, bool memory_controller) {
  const auto set = [&](ubc_resource resource, const char* how) {
    plan.modes[resource] = memory_controller
                               ? ResourceMode{Mode::kernel, how}
                               : ResourceMode{Mode::off, "no cgroup v2 memory controller here: boot with cgroup v1 memory off"};
  };
  const bool gates =
      has_all(plan, {Purpose::gate_kernel_task, Purpose::gate_kernel_file, Purpose::gate_kernel_socket, Purpose::gate_kernel_mapping});
  set(UBC_KMEMSIZE, gates ? "the controller's sum of the last two seconds; refused at fork, open, socket(), mmap(), msgsnd() and mount()"
                          : "counted; bounded within memory.max");
  set(UBC_DCACHESIZE, "counted; the kernel takes it back when memory.max is near");
  set(UBC_PHYSPAGES, "memory.max and memory.swap.max");
  set(UBC_SWAPPAGES, "memory.max and memory.swap.max");
  set(UBC_VMGUARPAGES, "memory.low: the host reclaims elsewhere first");
  set(UBC_OOMGUARPAGES, "counted; the barrier is oom_score_adj of each process");
}

}  // namespace

std::set<std::string_view> modules_of(HookGroup group) {
  std::set<std::string_view> modules;
  for (const Hook& hook : bpf::hooks())
    if (group_of(hook.purpose) == group && !hook.module.empty()) modules.insert(hook.module);
  return modules;
}

HookGroup group_of(Purpose purpose) {
  if (purpose >= Purpose::gate_signal) return HookGroup::signals;
  if (purpose >= Purpose::free_lock) return HookGroup::locks;
  if (purpose >= Purpose::count_rules) return HookGroup::netfilter;
  if (purpose >= Purpose::gate_kernel_task) return HookGroup::kernel_memory;
  return purpose >= Purpose::free_buffers ? HookGroup::socket_buffers : HookGroup::always;
}

HookGroup group_of(ubc_resource resource) {
  if (resource == UBC_KMEMSIZE) return HookGroup::kernel_memory;
  if (resource == UBC_NUMIPTENT) return HookGroup::netfilter;
  if (resource == UBC_NUMFLOCK) return HookGroup::locks;
  if (resource == UBC_NUMSIGINFO) return HookGroup::signals;
  const bool buffer = resource == UBC_TCPSNDBUF || resource == UBC_TCPRCVBUF || resource == UBC_OTHERSOCKBUF || resource == UBC_DGRAMRCVBUF;
  return buffer ? HookGroup::socket_buffers : HookGroup::always;
}

bool counts_by_hooks(HookGroup group) { return group != HookGroup::kernel_memory && group != HookGroup::signals; }

std::string_view name_of(HookGroup group) {
  switch (group) {
    case HookGroup::always: return "always";
    case HookGroup::socket_buffers: return "socket_buffers";
    case HookGroup::kernel_memory: return "kernel_memory";
    case HookGroup::netfilter: return "netfilter";
    case HookGroup::locks: return "locks";
    case HookGroup::signals: return "signals";
  }
  std::unreachable();
}

std::string_view name_of(Mode mode) {
  switch (mode) {
    case Mode::exact: return "exact";
    case Mode::kernel: return "kernel";
    case Mode::sampled: return "sampled";
    case Mode::off: return "off";
  }
  std::unreachable();
}

std::vector<Hook> HookPlan::of(HookGroup group) const {
  std::vector<Hook> chosen;
  std::ranges::copy_if(hooks, std::back_inserter(chosen), [&](const Hook& hook) { return group_of(hook.purpose) == group; });
  return chosen;
}

std::string HookPlan::why_not() const {
  for (const ubc_resource resource : {UBC_NUMPROC, UBC_PRIVVMPAGES, UBC_NUMFILE, UBC_NUMTCPSOCK, UBC_NUMOTHERSOCK})
    if (modes[resource].mode != Mode::exact) return modes[resource].reason;
  return {};
}

bool HookPlan::can_enforce() const { return why_not().empty(); }

HookPlan decide_hooks(const KernelSupport& seen, bool memory_controller) {
  HookPlan plan;
  plan.preemptible = seen.preemptible.value_or(true);   // unknown: the dearer choice is right on either
  for (ResourceMode& mode : plan.modes) mode = {Mode::off, "not counted yet"};
  choose_hooks(plan, seen);
  decide_hooked(plan, seen);
  decide_locks_and_ipc(plan, seen);
  decide_buffers(plan, seen);
  decide_netfilter(plan, seen);
  decide_memory(plan, memory_controller);
  return plan;
}

}  // namespace ubc::bpf

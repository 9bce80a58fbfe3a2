// SPDX-License-Identifier: Apache-2.0
#include "bpf/hook_plan.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>

namespace ubc::bpf {
namespace {

using enum HookKind;

constexpr auto kHooks = std::to_array<Hook>({
    // Give back first: an object that is charged must find its release attached.
    {"reap_task", Purpose::reap_task, fentry, "release_task"},
    {"reap_task_kprobe", Purpose::reap_task, kprobe, "release_task"},
    {"free_task", Purpose::free_task, lsm, "bpf_lsm_task_free"},
    {"free_task_fentry", Purpose::free_task, fentry, "security_task_free"},
    {"free_mm", Purpose::free_mm, fentry, "exit_mmap"},
    {"free_mm_kprobe", Purpose::free_mm, kprobe, "exit_mmap"},
    {"free_file", Purpose::free_file, lsm, "bpf_lsm_file_free_security"},
    {"free_file_fentry", Purpose::free_file, fentry, "security_file_free"},
    {"free_socket", Purpose::free_socket, lsm, "bpf_lsm_sk_free_security"},
    {"free_socket_fentry", Purpose::free_socket, fentry, "security_sk_free"},
    {"free_lock", Purpose::free_lock, fentry, "locks_release_private"},
    {"free_lock_kprobe", Purpose::free_lock, kprobe, "locks_release_private"},
    {"free_pty", Purpose::free_pty, fentry, "devpts_kill_index"},
    {"free_pty_kprobe", Purpose::free_pty, kprobe, "devpts_kill_index"},
    {"free_ipc", Purpose::free_ipc, fentry, "ipc_rmid"},   // under a spin lock: nothing preempts it, so it is never skipped
    {"free_msgqueue", Purpose::free_ipc, lsm, "bpf_lsm_msg_queue_free_security"},
    {"free_semset", Purpose::free_ipc, lsm, "bpf_lsm_sem_free_security"},
    {"free_shmem", Purpose::free_shmem, fentry, "shmem_evict_inode"},
    {"free_shmem_kprobe", Purpose::free_shmem, kprobe, "shmem_evict_inode"},
    {"free_map", Purpose::free_map, lsm, "bpf_lsm_bpf_map_free"},
    {"free_map_before_6_9", Purpose::free_map, lsm, "bpf_lsm_bpf_map_free_security"},
    {"free_prog", Purpose::free_prog, lsm, "bpf_lsm_bpf_prog_free"},
    {"free_prog_before_6_9", Purpose::free_prog, lsm, "bpf_lsm_bpf_prog_free_security"},

    {"charge_task", Purpose::charge_task, lsm, "bpf_lsm_task_alloc"},
    {"charge_task_fmod", Purpose::charge_task, fmod_ret, "security_task_alloc"},
    {"join_by_uid", Purpose::join, lsm, "bpf_lsm_task_fix_setuid"},
    {"join_by_uid_fmod", Purpose::join, fmod_ret, "security_task_fix_setuid"},
    {"move_task", Purpose::move_task, fentry, "css_set_move_task"},
    {"move_task_kprobe", Purpose::move_task, kprobe, "css_set_move_task"},
    {"after_fork", Purpose::adopt_fork, tracepoint, "wake_up_new_task"},
    {"after_fork_kprobe", Purpose::adopt_fork, kprobe, "wake_up_new_task"},

    {"reserve_mapping", Purpose::reserve_mapping, lsm, "bpf_lsm_mmap_addr"},
    {"reserve_mapping_fmod", Purpose::reserve_mapping, fmod_ret, "security_mmap_addr"},
    {"reserve_growth", Purpose::reserve_growth, fmod_ret, "security_vm_enough_memory_mm"},
    {"reserve_writable", Purpose::reserve_writable, lsm, "bpf_lsm_file_mprotect"},
    {"reserve_writable_fmod", Purpose::reserve_writable, fmod_ret, "security_file_mprotect"},
    {"after_mmap", Purpose::true_up, fexit, "vm_mmap_pgoff"},
    {"after_munmap", Purpose::true_up, fexit, "__vm_munmap"},
    {"after_kernel_brk", Purpose::true_up, fexit, "vm_brk_flags"},
    {"after_brk", Purpose::true_up, fexit, "__x64_sys_brk"},
    {"after_brk32", Purpose::true_up, fexit, "__ia32_sys_brk"},
    {"after_mremap", Purpose::true_up, fexit, "__x64_sys_mremap"},
    {"after_mremap32", Purpose::true_up, fexit, "__ia32_sys_mremap"},
    {"after_mprotect", Purpose::true_up, fexit, "do_mprotect_pkey"},
    {"after_exec", Purpose::true_up, tracepoint, "wake_up_new_task"},

    {"after_mlock", Purpose::true_up_locked, fexit, "do_mlock"},
    {"after_mlockall", Purpose::true_up_locked, fexit, "__x64_sys_mlockall"},
    {"after_mlockall32", Purpose::true_up_locked, fexit, "__ia32_sys_mlockall"},
    {"after_munlock", Purpose::true_up_locked, fexit, "__x64_sys_munlock"},
    {"after_munlock32", Purpose::true_up_locked, fexit, "__ia32_sys_munlock"},
    {"after_munlockall", Purpose::true_up_locked, fexit, "__x64_sys_munlockall"},
    {"after_shmem_change", Purpose::true_up_shmem, fexit, "shmem_recalc_inode"},
    {"charge_segment", Purpose::charge_segment, fexit, "shmem_kernel_file_setup"},
    {"charge_shared", Purpose::charge_shared, fexit, "shmem_zero_setup"},
    {"charge_shared_desc", Purpose::charge_shared, fexit, "shmem_zero_setup_desc"},
    {"reserve_segment", Purpose::reserve_segment, lsm, "bpf_lsm_shm_alloc_security"},
    {"after_segment_lock", Purpose::charge_segment_lock, fexit, "shmem_lock"},
    {"gate_segment", Purpose::gate_segment, lsm, "bpf_lsm_shm_shmctl"},

    {"charge_file", Purpose::charge_file, lsm, "bpf_lsm_file_alloc_security"},
    {"charge_file_kprobe", Purpose::charge_file, kprobe, "security_file_alloc"},
    {"charge_file_fmod", Purpose::charge_file, fmod_ret, "security_file_alloc"},
    {"refuse_file", Purpose::refuse_file, fmod_ret, "security_file_alloc"},
    {"refuse_open", Purpose::refuse_open, lsm, "bpf_lsm_file_open"},
    {"reserve_files", Purpose::reserve_files, lsm, "bpf_lsm_inode_alloc_security"},

    {"charge_socket", Purpose::charge_socket, lsm, "bpf_lsm_socket_post_create"},
    {"charge_socket_fmod", Purpose::charge_socket, fmod_ret, "security_socket_post_create"},
    {"charge_unix_accept", Purpose::charge_unix_accept, lsm, "bpf_lsm_unix_stream_connect"},
    {"charge_unix_accept_fmod", Purpose::charge_unix_accept, fmod_ret, "security_unix_stream_connect"},
    {"refuse_handshake", Purpose::refuse_handshake, lsm, "bpf_lsm_socket_sock_rcv_skb"},
    {"refuse_handshake_fmod", Purpose::refuse_handshake, fmod_ret, "security_sock_rcv_skb"},
    {"charge_accepted", Purpose::charge_accepted, lsm, "bpf_lsm_sk_clone_security"},
    {"charge_accepted_fentry", Purpose::charge_accepted, fentry, "security_sk_clone"},

    {"leave_container", Purpose::leave_cgroup, tracepoint, "cgroup_rmdir"},
    {"inherit_container", Purpose::inherit_cgroup, tracepoint, "cgroup_mkdir"},
    {"remember_lock", Purpose::remember_lock, fentry, "locks_copy_lock"},   // under a spin lock too
    {"charge_lock", Purpose::charge_lock, lsm, "bpf_lsm_file_lock"},
    {"charge_lock_fmod", Purpose::charge_lock, fmod_ret, "security_file_lock"},
    {"charge_pty", Purpose::charge_pty, fexit, "devpts_new_index"},   // under a mutex: see pty_hooks.bpf.h
    {"refuse_pty", Purpose::refuse_pty, lsm, "bpf_lsm_inode_alloc_security"},
    {"charge_msgqueue", Purpose::charge_msgqueue, lsm, "bpf_lsm_msg_queue_alloc_security"},
    {"charge_msgqueue_fmod", Purpose::charge_msgqueue, fmod_ret, "security_msg_queue_alloc"},
    {"charge_semset", Purpose::charge_semset, lsm, "bpf_lsm_sem_alloc_security"},
    {"charge_semset_fmod", Purpose::charge_semset, fmod_ret, "security_sem_alloc"},
    {"gate_watch", Purpose::gate_watch, lsm, "bpf_lsm_path_notify"},
    {"gate_userns", Purpose::gate_userns, lsm, "bpf_lsm_userns_create"},
    {"gate_mount", Purpose::gate_mount, lsm, "bpf_lsm_sb_mount"},
    {"gate_move_mount", Purpose::gate_move_mount, lsm, "bpf_lsm_move_mount"},
    {"gate_signal", Purpose::gate_signal, lsm, "bpf_lsm_task_kill"},
    {"charge_map", Purpose::charge_map, lsm, "bpf_lsm_bpf_map_create"},
    {"charge_map_before_6_9", Purpose::charge_map, lsm, "bpf_lsm_bpf_map_alloc_security"},
    {"charge_prog", Purpose::charge_prog, lsm, "bpf_lsm_bpf_prog_load"},
    {"charge_prog_before_6_9", Purpose::charge_prog, lsm, "bpf_lsm_bpf_prog_alloc_security"},
    {"publish_counts", Purpose::publish, iterator, "bpf_iter_task"},

    {"audit_tasks", Purpose::audit, iterator, "bpf_iter_task"},
    {"audit_files", Purpose::audit, iterator, "bpf_iter_task_file"},
    {"census_tasks", Purpose::census, iterator, "bpf_iter_task"},
    {"census_files", Purpose::census, iterator, "bpf_iter_task_file"},
    {"census_mappings", Purpose::census, iterator, "bpf_iter_task_vma"},
    {"sight_tasks", Purpose::sight, iterator, "bpf_iter_task"},
    {"sight_files", Purpose::sight, iterator, "bpf_iter_task_file"},
    {"sight_mappings", Purpose::sight, iterator, "bpf_iter_task_vma"},
    {"request", Purpose::request, HookKind::request, "bpf_prog_test_run_syscall"},
    {"print_all", Purpose::print, iterator, "bpf_iter_bpf_map_elem"},
    {"print_own", Purpose::print, iterator, "bpf_iter_bpf_map_elem"},

    // The group of socket buffers.
    {"free_buffers", Purpose::free_buffers, lsm, "bpf_lsm_sk_free_security"},
    {"after_tcp_send", Purpose::after_send, fexit, "tcp_sendmsg_locked"},
    {"after_tcp_sendpage", Purpose::after_send, fexit, "tcp_sendpage_locked"},
    {"after_unix_stream", Purpose::after_send, fexit, "unix_stream_sendmsg"},
    {"after_unix_dgram", Purpose::after_send, fexit, "unix_dgram_sendmsg"},
    {"after_udp_send", Purpose::after_send, fexit, "udp_sendmsg"},
    {"after_udp6_send", Purpose::after_send, fexit, "udpv6_sendmsg"},
    {"after_tcp_release", Purpose::after_release, fentry, "__sk_mem_reduce_allocated"},
    {"after_consumed", Purpose::after_release, fexit, "sock_wfree"},
    {"after_udp_receive", Purpose::after_release, fentry, "skb_consume_udp"},
    {"after_raw_receive", Purpose::after_release, fexit, "skb_free_datagram"},
    {"reserve_send", Purpose::reserve_send, lsm, "bpf_lsm_socket_sendmsg"},
    {"charge_received", Purpose::charge_received, lsm, "bpf_lsm_socket_sock_rcv_skb"},
    {"lock_send_buffer", Purpose::keep_sndbuf, cgroup, "__cgroup_bpf_run_filter_sock_ops"},
    {"keep_send_buffer", Purpose::keep_sndbuf, cgroup, "__cgroup_bpf_run_filter_setsockopt"},
    {"audit_buffers", Purpose::audit_buffers, iterator, "bpf_iter_task_file"},

    // The group of kernel memory.
    {"gate_kernel_task", Purpose::gate_kernel_task, lsm, "bpf_lsm_task_alloc"},
    {"gate_kernel_file", Purpose::gate_kernel_file, lsm, "bpf_lsm_file_alloc_security"},
    {"gate_kernel_open", Purpose::gate_kernel_file, lsm, "bpf_lsm_file_open"},
    {"gate_kernel_pipe", Purpose::gate_kernel_pipe, lsm, "bpf_lsm_inode_alloc_security"},
    {"gate_kernel_socket", Purpose::gate_kernel_socket, lsm, "bpf_lsm_socket_create"},
    {"gate_kernel_mapping", Purpose::gate_kernel_mapping, lsm, "bpf_lsm_mmap_file"},
    {"gate_kernel_message", Purpose::gate_kernel_message, lsm, "bpf_lsm_msg_queue_msgsnd"},
    {"gate_kernel_mount", Purpose::gate_kernel_mount, lsm, "bpf_lsm_sb_mount"},

    // The group of netfilter.
    {"free_net", Purpose::free_rules, fentry, "__put_net"},
    {"free_rule", Purpose::free_rules, fentry, "nf_tables_rule_destroy", "nf_tables"},
    {"begin_rule", Purpose::count_rules, fentry, "nf_tables_newrule", "nf_tables"},
    {"after_rule", Purpose::count_rules, fexit, "nf_tables_newrule", "nf_tables"},
    {"after_table", Purpose::count_rules, fexit, "xt_replace_table", "x_tables"},
    {"gate_rule_message", Purpose::gate_rules, lsm, "bpf_lsm_netlink_send"},
    {"gate_table", Purpose::gate_rules, lsm, "bpf_lsm_socket_setsockopt"},
});

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
  for (const Hook& hook : kHooks) {
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
  set(UBC_NUMFLOCK, {Purpose::charge_lock, Purpose::remember_lock, Purpose::free_lock}, "counted and refused at flock() and fcntl()");
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

std::span<const Hook> hooks() { return kHooks; }

std::set<std::string_view> modules_of(HookGroup group) {
  std::set<std::string_view> modules;
  for (const Hook& hook : kHooks)
    if (group_of(hook.purpose) == group && !hook.module.empty()) modules.insert(hook.module);
  return modules;
}

HookGroup group_of(Purpose purpose) {
  if (purpose >= Purpose::count_rules) return HookGroup::netfilter;
  if (purpose >= Purpose::gate_kernel_task) return HookGroup::kernel_memory;
  return purpose >= Purpose::free_buffers ? HookGroup::socket_buffers : HookGroup::always;
}

HookGroup group_of(ubc_resource resource) {
  if (resource == UBC_KMEMSIZE) return HookGroup::kernel_memory;
  if (resource == UBC_NUMIPTENT) return HookGroup::netfilter;
  const bool buffer = resource == UBC_TCPSNDBUF || resource == UBC_TCPRCVBUF || resource == UBC_OTHERSOCKBUF || resource == UBC_DGRAMRCVBUF;
  return buffer ? HookGroup::socket_buffers : HookGroup::always;
}

std::string_view name_of(HookGroup group) {
  switch (group) {
    case HookGroup::always: return "always";
    case HookGroup::socket_buffers: return "socket_buffers";
    case HookGroup::kernel_memory: return "kernel_memory";
    case HookGroup::netfilter: return "netfilter";
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

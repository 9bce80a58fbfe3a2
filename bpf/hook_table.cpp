// SPDX-License-Identifier: Apache-2.0
// Every program that we ship and the kernel function it sits on.
#include <array>

#include "bpf/hook_plan.h"

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

    // The group of locks.
    {"free_lock", Purpose::free_lock, fentry, "locks_release_private"},
    {"free_lock_kprobe", Purpose::free_lock, kprobe, "locks_release_private"},
    {"remember_lock", Purpose::remember_lock, fentry, "locks_copy_lock"},  // under a spin lock: nothing preempts it, so it is never skipped
    {"charge_lock", Purpose::charge_lock, lsm, "bpf_lsm_file_lock"},
    {"charge_lock_fmod", Purpose::charge_lock, fmod_ret, "security_file_lock"},
    {"census_locks", Purpose::census_locks, iterator, "bpf_iter_task_file"},

    // The group of signals.
    {"gate_signal", Purpose::gate_signal, lsm, "bpf_lsm_task_kill"},
});

}  // namespace

std::span<const Hook> hooks() { return kHooks; }

}  // namespace ubc::bpf

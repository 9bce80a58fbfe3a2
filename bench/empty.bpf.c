// SPDX-License-Identifier: GPL-2.0
/* Each program of ubc.bpf.c that something on the host triggers, under the same name and at the same place, with an empty body: what the
 * kernel takes for calling programs at all. Iterators run when they are read, requests when they are made: they are on nobody's path.
 * ubc-hook-bench refuses to run where the two lists differ. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define EMPTY(section, name)         \
	SEC(section)                 \
	int name(void *ctx)          \
	{                            \
		return 0;            \
	}

EMPTY("fentry/release_task", reap_task)
EMPTY("kprobe/release_task", reap_task_kprobe)
EMPTY("lsm/task_free", free_task)
EMPTY("fentry/security_task_free", free_task_fentry)
EMPTY("fentry/exit_mmap", free_mm)
EMPTY("kprobe/exit_mmap", free_mm_kprobe)
EMPTY("lsm/file_free_security", free_file)
EMPTY("fentry/security_file_free", free_file_fentry)
EMPTY("lsm/sk_free_security", free_socket)
EMPTY("fentry/security_sk_free", free_socket_fentry)

EMPTY("lsm/task_alloc", charge_task)
EMPTY("fmod_ret/security_task_alloc", charge_task_fmod)
EMPTY("lsm/task_fix_setuid", join_by_uid)
EMPTY("fmod_ret/security_task_fix_setuid", join_by_uid_fmod)
EMPTY("fentry/css_set_move_task", move_task)
EMPTY("kprobe/css_set_move_task", move_task_kprobe)
EMPTY("tp_btf/sched_process_fork", after_fork)
EMPTY("kprobe/wake_up_new_task", after_fork_kprobe)

EMPTY("lsm/mmap_addr", reserve_mapping)
EMPTY("fmod_ret/security_mmap_addr", reserve_mapping_fmod)
EMPTY("fmod_ret/security_vm_enough_memory_mm", reserve_growth)
EMPTY("lsm/file_mprotect", reserve_writable)
EMPTY("fmod_ret/security_file_mprotect", reserve_writable_fmod)
EMPTY("fexit/vm_mmap_pgoff", after_mmap)
EMPTY("fexit/__vm_munmap", after_munmap)
EMPTY("fexit/vm_brk_flags", after_kernel_brk)
EMPTY("fexit/__x64_sys_brk", after_brk)
EMPTY("fexit/__ia32_sys_brk", after_brk32)
EMPTY("fexit/__x64_sys_mremap", after_mremap)
EMPTY("fexit/__ia32_sys_mremap", after_mremap32)
EMPTY("fexit/do_mprotect_pkey", after_mprotect)
EMPTY("tp_btf/sched_process_exec", after_exec)
EMPTY("fexit/do_mlock", after_mlock)
EMPTY("fexit/__x64_sys_mlockall", after_mlockall)
EMPTY("fexit/__ia32_sys_mlockall", after_mlockall32)
EMPTY("fexit/__x64_sys_munlock", after_munlock)
EMPTY("fexit/__ia32_sys_munlock", after_munlock32)
EMPTY("fexit/__x64_sys_munlockall", after_munlockall)
EMPTY("fentry/shmem_evict_inode", free_shmem)
EMPTY("kprobe/shmem_evict_inode", free_shmem_kprobe)
EMPTY("fexit/shmem_recalc_inode", after_shmem_change)
EMPTY("fexit/shmem_kernel_file_setup", charge_segment)
EMPTY("fexit/shmem_zero_setup", charge_shared)
EMPTY("fexit/shmem_zero_setup_desc", charge_shared_desc)
EMPTY("lsm/shm_alloc_security", reserve_segment)
EMPTY("fexit/shmem_lock", after_segment_lock)
EMPTY("lsm/shm_shmctl", gate_segment)

EMPTY("lsm/file_alloc_security", charge_file)
EMPTY("kprobe/security_file_alloc", charge_file_kprobe)
EMPTY("fmod_ret/security_file_alloc", charge_file_fmod)
EMPTY("fmod_ret/security_file_alloc", refuse_file)
EMPTY("lsm/file_open", refuse_open)
EMPTY("lsm/inode_alloc_security", reserve_files)

EMPTY("lsm/socket_post_create", charge_socket)
EMPTY("fmod_ret/security_socket_post_create", charge_socket_fmod)
EMPTY("lsm/unix_stream_connect", charge_unix_accept)
EMPTY("fmod_ret/security_unix_stream_connect", charge_unix_accept_fmod)
EMPTY("lsm/socket_sock_rcv_skb", refuse_handshake)
EMPTY("fmod_ret/security_sock_rcv_skb", refuse_handshake_fmod)
EMPTY("lsm/sk_clone_security", charge_accepted)
EMPTY("fentry/security_sk_clone", charge_accepted_fentry)

EMPTY("lsm/file_lock", charge_lock)
EMPTY("fmod_ret/security_file_lock", charge_lock_fmod)
EMPTY("fentry/locks_copy_lock", remember_lock)
EMPTY("fentry/locks_release_private", free_lock)
EMPTY("kprobe/locks_release_private", free_lock_kprobe)

EMPTY("fexit/devpts_new_index", charge_pty)
EMPTY("lsm/inode_alloc_security", refuse_pty)
EMPTY("fentry/devpts_kill_index", free_pty)
EMPTY("kprobe/devpts_kill_index", free_pty_kprobe)

EMPTY("lsm/msg_queue_alloc_security", charge_msgqueue)
EMPTY("fmod_ret/security_msg_queue_alloc", charge_msgqueue_fmod)
EMPTY("lsm/sem_alloc_security", charge_semset)
EMPTY("fmod_ret/security_sem_alloc", charge_semset_fmod)
EMPTY("fentry/ipc_rmid", free_ipc)
EMPTY("lsm/msg_queue_free_security", free_msgqueue)
EMPTY("lsm/sem_free_security", free_semset)

EMPTY("lsm/path_notify", gate_watch)
EMPTY("lsm/userns_create", gate_userns)
EMPTY("lsm/sb_mount", gate_mount)
EMPTY("lsm/move_mount", gate_move_mount)
EMPTY("lsm/task_kill", gate_signal)

EMPTY("lsm/bpf_map_create", charge_map)
EMPTY("lsm/bpf_map_alloc_security", charge_map_before_6_9)
EMPTY("lsm/bpf_prog_load", charge_prog)
EMPTY("lsm/bpf_prog_alloc_security", charge_prog_before_6_9)
EMPTY("lsm/bpf_map_free", free_map)
EMPTY("lsm/bpf_map_free_security", free_map_before_6_9)
EMPTY("lsm/bpf_prog_free", free_prog)
EMPTY("lsm/bpf_prog_free_security", free_prog_before_6_9)

EMPTY("tp_btf/cgroup_mkdir", inherit_container)
EMPTY("tp_btf/cgroup_rmdir", leave_container)

char _license[] SEC("license") = "GPL";

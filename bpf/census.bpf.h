/* SPDX-License-Identifier: GPL-2.0 */
/* What an adopted container's tasks hold already: remembered and charged, whatever the numbers. Run by reading the pinned iterators while the
 * container is frozen; a task is counted if its cgroup pays from the slot of settings.census. Who opened a file or a terminal can't be seen any
 * more: one that nobody else is charged for is the container's. A further resource adds its objects here, by the iterator that shows them.
 * Not seen, so free until it dies: files only in flight (SCM_RIGHTS) or registered with io_uring, sockets that nobody has accepted yet. */
#ifndef UBC_CENSUS_BPF_H
#define UBC_CENSUS_BPF_H

#include "bpf/memory.bpf.h"

/* The slot that `task` is counted for; 0: not of this census. */
static __always_inline u32 census_slot(struct task_struct *task)
{
	u32 wanted = *(volatile ubc_u64 *)&settings.census & (UBC_MAX_SLOTS - 1);

	return wanted && slot_of_task(task) == wanted ? wanted : 0;
}

/* Once, however many hold it. What the nearest adopted ancestor has paid for so far goes with its task. */
static __noinline int count_existing(u64 key, u32 slot, u32 resource, u64 amount)
{
	u32 from = *(volatile ubc_u64 *)&settings.census >> 16 & (UBC_MAX_SLOTS - 1);
	u64 *w = find_charge(key);

	if (w) {
		if (!from || charge_slot(*w) != from)
			return 0;
		forget_key(key);
	}
	charge_key(key, slot, resource, amount, UBC_NEVER_REFUSE, UBC_HOOK_JOIN);
	return 0;
}

SEC("iter/task")
int census_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	u32 slot = task ? census_slot(task) : 0;
	struct mm_struct *mm;
	u64 key;

	if (!slot)
		return 0;
	key = key_of(task, KIND_OBJECT);
	count_existing(key, slot, UBC_NUMPROC, 1);
	if (*(volatile int *)&task->exit_state & EXIT_DEAD_) /* reaped meanwhile: its release came before the line above */
		forget_key(key);
	mm = task->mm;
	if (!mm)
		return 0;
	key = key_of(mm, KIND_OBJECT);
	count_existing(key, slot, UBC_PRIVVMPAGES, pages_of(mm));
	if (*(volatile int *)&mm->mm_users.counter <= 0)
		forget_key(key);
	return 0;
}

/* A terminal pair whose master or slave this is. Who made it can't be told, see above. */
static __always_inline void count_pty(struct file *file, struct inode *inode, u32 slot)
{
	struct tty_file_private *private;
	u64 instance;
	u32 index;

	if (inode->i_rdev == PTMX_DEVICE_) {
		private = file->private_data;
		instance = (u64)BPF_CORE_READ(private, tty, driver_data);
		index = BPF_CORE_READ(private, tty, index);
	} else if (inode->i_ino >= FIRST_PTY_INODE_ && inode->i_sb->s_magic == DEVPTS_MAGIC_) {
		instance = (u64)BPF_CORE_READ(inode, i_sb, s_fs_info);
		index = inode->i_ino - FIRST_PTY_INODE_;
	} else {
		return;
	}
	if (instance)
		count_existing(pty_key(key_of_number(instance, KIND_OBJECT), index), slot, UBC_NUMPTY, 1);
}

static __always_inline void count_socket(struct socket *sock, u32 slot)
{
	struct sock *sk = sock->sk;
	int tcp;

	if (!sk)
		return;
	tcp = sock->type == SOCK_STREAM_ &&
	      (sk->__sk_common.skc_family == AF_INET_ || sk->__sk_common.skc_family == AF_INET6_);
	count_existing(key_of(sk, KIND_OBJECT), slot, tcp ? UBC_NUMTCPSOCK : UBC_NUMOTHERSOCK, 1);
}

/* The iterator holds the file: its release comes after. */
SEC("iter/task_file")
int census_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	u32 slot = file && task ? census_slot(task) : 0;
	struct socket *sock;
	struct inode *inode;

	if (!slot)
		return 0;
	count_existing(key_of(file, KIND_OBJECT), slot, UBC_NUMFILE, 1);
	sock = bpf_sock_from_file(file);
	if (sock)
		count_socket(sock, slot);
	inode = file->f_inode;
	count_pty(file, inode, slot);
	return 0;
}

/* Files that are mapped, with or without a descriptor. */
SEC("iter/task_vma")
int census_mappings(struct bpf_iter__task_vma *ctx)
{
	struct task_struct *task = ctx->task;
	struct vm_area_struct *vma = ctx->vma;
	u32 slot = vma && task ? census_slot(task) : 0;
	struct file *file = slot ? vma->vm_file : 0;

	if (file)
		count_existing(key_of(file, KIND_OBJECT), slot, UBC_NUMFILE, 1);
	return 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* lockedpages at the calls that lock and unlock. Those that map are in memory_hooks.bpf.h. */
#include "bpf/locked.bpf.h"

/* The kernel refuses by RLIMIT_MEMLOCK, which is the barrier where the container's processes were given it. */
static __always_inline void after_lock_call(u64 pages, int all, long result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mm_struct *mm = task->mm;
	u32 slot = slot_of_current();
	struct ubc_counter *c;
	u64 ceiling;

	if (!mm)
		return;
	true_up_locked(mm, slot);
	if (!slot)
		return;
	c = counter_of(slot, UBC_LOCKEDPAGES);
	ceiling = ceiling_of(c, UBC_REFUSE_OVER_BARRIER);
	if (result == 0 && c->held > ceiling)
		count_loss(UBC_LOSS_REFUSAL_SKIPPED);
	else if (result == -ENOMEM_ && (all ? mm->total_vm : mm->locked_vm + pages) > ceiling)
		tell_refusal(slot, UBC_LOCKEDPAGES, all ? mm->total_vm : pages, UBC_HOOK_MLOCK, UBC_REFUSE_OVER_BARRIER);
}

SEC("fexit/do_mlock")
int BPF_PROG(after_mlock, unsigned long start, unsigned long length, unsigned long flags, int ret)
{
	after_lock_call(pages_up(start + length) - (start >> PAGE_SHIFT_), 0, ret);
	return 0;
}

#define AFTER_MLOCKALL(function, name)                           \
	SEC("fexit/" #function)                                  \
	int BPF_PROG(name, const struct pt_regs *regs, long ret) \
	{                                                        \
		after_lock_call(0, 1, ret);                      \
		return 0;                                        \
	}

AFTER_MLOCKALL(__x64_sys_mlockall, after_mlockall)
AFTER_MLOCKALL(__ia32_sys_mlockall, after_mlockall32)

static __always_inline void after_unlock_call(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mm_struct *mm = task->mm;

	if (mm)
		true_up_locked(mm, slot_of_current());
}

#define AFTER_UNLOCK(function, name)         \
	SEC("fexit/" #function)              \
	int name(void *ctx)                  \
	{                                    \
		after_unlock_call();         \
		return 0;                    \
	}

AFTER_UNLOCK(__x64_sys_munlock, after_munlock)
AFTER_UNLOCK(__ia32_sys_munlock, after_munlock32)
AFTER_UNLOCK(__x64_sys_munlockall, after_munlockall) /* without arguments: the 32-bit call is the same function */

/* Looked at, not reserved: shmem_lock() charges what was locked in fact. Whose segment it is does not matter: who locks it pays. */
SEC("lsm/shm_shmctl")
int BPF_PROG(gate_segment, struct kern_ipc_perm *perm, int cmd, int ret)
{
	u32 slot = ret || cmd != SHM_LOCK_ ? 0 : slot_of_current();
	struct ubc_counter *c;
	u64 bytes = 0, pages;

	if (!slot || !perm)
		return ret;
	bpf_probe_read_kernel(&bytes, sizeof(bytes),
			      (void *)perm - bpf_core_field_offset(struct shmid_kernel, shm_perm) +
				      bpf_core_field_offset(struct shmid_kernel, shm_segsz));
	pages = pages_up(bytes);
	c = counter_of(slot, UBC_LOCKEDPAGES);
	if (c->held + pages <= ceiling_of(c, UBC_REFUSE_OVER_BARRIER))
		return 0;
	tell_refusal(slot, UBC_LOCKEDPAGES, pages, UBC_HOOK_MLOCK, UBC_REFUSE_OVER_BARRIER);
	return -ENOMEM_;
}

/* SHM_LOCK, SHM_UNLOCK and the end of a segment all come here. The first two under its spin lock: nothing preempts it. */
SEC("fexit/shmem_lock")
int BPF_PROG(after_segment_lock, struct file *file, int lock, struct ucounts *counts, int ret)
{
	struct inode *inode = file->f_inode;
	u32 slot;
	u64 key;

	if (!inode)
		return 0;
	key = key_of(inode, KIND_LOCKED);
	if (!lock) {
		forget_locked(key);
		return 0;
	}
	slot = ret ? 0 : slot_of_current();
	if (slot && !find_charge(key))
		charge_locked(key, slot, pages_up(inode->i_size), UBC_NEVER_REFUSE);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* lockedpages. Held of one mm is its locked_vm, VmLck of /proc/PID/status: in a record of its own, made when there is something, kept until
 * the mm ends, and trued up after each call that may have changed it. A segment that SHM_LOCK holds has a record by its inode.
 *   mmap() with MAP_LOCKED, and mmap() and brk() after mlockall(MCL_FUTURE), are reserved and refused.
 *   mlock(), mlock2(), mlockall() pass no hook that could refuse: RLIMIT_MEMLOCK, which a guest's processes have at the barrier, refuses
 *     each of them by itself. What goes over in sum is counted, and told as a refusal that was skipped. */
#ifndef UBC_LOCKED_BPF_H
#define UBC_LOCKED_BPF_H

#include "bpf/call.bpf.h"
#include "bpf/memory.bpf.h"

#define KIND_LOCKED 3 /* of an mm, or of a segment's inode */

/* Records of KIND_LOCKED: while there are none, calls that map pay two loads. Never too low. */
ubc_u64 locked_records SEC(".data.marks");

static __always_inline int any_locked(void)
{
	return *(volatile ubc_u64 *)&locked_records != 0;
}

static __always_inline void forget_locked(u64 key)
{
	u64 w;

	if (likely(!any_locked()))
		return;
	w = take_charge(key);
	if (!w)
		return;
	give_back(w);
	__sync_fetch_and_add(&locked_records, -1);
}

static __always_inline int charge_locked(u64 key, u32 slot, u64 pages, int severity)
{
	int refused;

	__sync_fetch_and_add(&locked_records, 1);
	refused = charge_key(key, slot, UBC_LOCKEDPAGES, pages, severity, UBC_HOOK_MLOCK);
	if (refused)
		__sync_fetch_and_add(&locked_records, -1);
	return refused;
}

/* 0: what the mm has locked and `pages` more are charged; -1: refused. Under the write lock. */
static __noinline int reserve_locked(struct mm_struct *mm, u32 slot, u64 pages)
{
	u64 key = key_of(mm, KIND_LOCKED);
	u64 *w = find_charge(key);
	int refused;

	if (!w)
		return charge_locked(key, slot, mm->locked_vm + pages, UBC_REFUSE_OVER_BARRIER);
	refused = raise_charge(w, mm->locked_vm + pages, UBC_REFUSE_OVER_BARRIER);
	if (!refused)
		return 0;
	tell_refusal(charge_slot(*w), UBC_LOCKEDPAGES, pages, UBC_HOOK_MLOCK, by(refused, UBC_REFUSE_OVER_BARRIER));
	return -1;
}

/* As try_true_up(), of what is locked. */
static __always_inline int try_true_up_locked(struct mm_struct *mm, u64 *w, struct task_struct *task)
{
	u64 old = *(volatile u64 *)w;
	u64 had = charge_amount(old), has;
	u64 locked = mm->mmap_lock.count.counter & 1;

	asm volatile("" : "+r"(locked) : : "memory");
	has = mm->locked_vm;
	if (has == had || (has < had && locked && !write_locked_by(mm, task)))
		return 1;
	return rewrite_amount(w, old, has);
}

static __noinline int true_up_locked_slow(struct mm_struct *mm, struct task_struct *task, u32 slot)
{
	u64 key = key_of(mm, KIND_LOCKED);
	u64 *w = find_charge(key), has = mm->locked_vm;

	if (w) {
		repeat(TRIES)
			if (try_true_up_locked(mm, w, task))
				break;
	} else if (slot && has && mm->mm_users.counter > 0) {
		charge_locked(key, slot, has, UBC_NEVER_REFUSE);
	}
	return 0;
}

VERIFIED_ALONE int true_up_locked_of_current(u32 slot)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mm_struct *mm = task->mm;

	return mm ? true_up_locked_slow(mm, task, slot) : 0;
}

/* `mm` is the current task's. */
static __always_inline void true_up_locked(struct mm_struct *mm, u32 slot)
{
	if (unlikely(mm->locked_vm || any_locked()))
		true_up_locked_of_current(slot);
}

#endif

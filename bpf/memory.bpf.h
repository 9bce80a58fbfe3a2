/* SPDX-License-Identifier: GPL-2.0 */
/* privvmpages. Held of one mm is data_vm + stack_vm: what /proc/PID/status calls VmData + VmStk. Its record's amount is what we have charged
 * for it; the sum over a container's mms is its held, always.
 *   reserve: under the mmap lock, before the kernel enlarges: the charged amount is raised to now + what is asked for, or the call is refused.
 *     Idempotent: two hooks that see the same call reserve once.
 *   true up: after the call, the charged amount becomes what the mm has. A surplus is not taken while somebody else holds the write lock: it may
 *     be his reservation. His own true-up follows. */
#ifndef UBC_MEMORY_BPF_H
#define UBC_MEMORY_BPF_H

#include "bpf/objects.bpf.h"

static __always_inline u64 pages_of(struct mm_struct *mm)
{
	return mm->data_vm + mm->stack_vm;
}

static __always_inline int write_locked_by(struct mm_struct *mm, struct task_struct *task)
{
	return ((u64)mm->mmap_lock.owner.counter & ~2UL) == bpf_get_current_task();
}

static __always_inline int write_locked_by_other(struct mm_struct *mm, struct task_struct *task)
{
	return (mm->mmap_lock.count.counter & 1) && !write_locked_by(mm, task);
}

/* 0: the mm has `pages` more charged than it has now; -1: refused. */
static __always_inline int reserve_memory(struct mm_struct *mm, u32 slot, u64 pages, int severity)
{
	u64 key = key_of(mm, KIND_OBJECT);
	u64 *w = find_charge(key);
	struct ubc_counter *c;
	u64 want = 0, old = 0;

	if (!w)
		return charge_key(key, slot, UBC_PRIVVMPAGES, pages_of(mm) + pages, severity, UBC_HOOK_MEMORY);
	c = counter_of(charge_slot(*w), UBC_PRIVVMPAGES);
	if (!c)
		return 0;
	repeat(TRIES) {
		old = *(volatile u64 *)w;
		want = pages_of(mm) + pages;
		if (charge_amount(old) >= want)
			return 0;
		want -= charge_amount(old);
		if (charge(c, want, severity)) {
			tell_refusal(charge_slot(old), UBC_PRIVVMPAGES, pages, UBC_HOOK_MEMORY, severity);
			return -1;
		}
		if (__sync_val_compare_and_swap(w, old, old + (want << UBC_CHARGE_AMOUNT_SHIFT)) == old)
			return 0;
		uncharge(c, want);
	}
	return 0; /* eight true-ups came in between: the one after this call will charge it */
}

/* Makes the charged amount what the mm has, whoever's call changed it. */
static __always_inline void true_up(struct mm_struct *mm, u64 *w, struct task_struct *task)
{
	repeat(TRIES) {
		u64 old = *(volatile u64 *)w;
		u64 had = charge_amount(old), has;
		struct ubc_counter *c;
		int locked = write_locked_by_other(mm, task);

		asm volatile("" ::: "memory"); /* the charged amount first, then the lock, then what the mm has */
		has = pages_of(mm);
		if (has == had || (has < had && locked))
			return;
		c = counter_of(charge_slot(old), UBC_PRIVVMPAGES);
		if (!c)
			return;
		if (__sync_val_compare_and_swap(w, old, old + ((has - had) << UBC_CHARGE_AMOUNT_SHIFT)) != old)
			continue;
		if (has > had)
			charge(c, has - had, UBC_NEVER_REFUSE);
		else
			uncharge(c, had - has);
		return;
	}
}

static __always_inline void true_up_current(void)
{
	u32 slot = slot_of_current();
	struct task_struct *task;
	struct mm_struct *mm;
	u64 *w;

	if (!slot)
		return;
	task = bpf_get_current_task_btf();
	mm = task->mm;
	if (!mm)
		return;
	w = find_charge(key_of(mm, KIND_OBJECT));
	if (w)
		true_up(mm, w, task);
	else if (mm->mm_users.counter > 0) /* a process that entered the container, or was there before us: adopted in full */
		charge_key(key_of(mm, KIND_OBJECT), slot, UBC_PRIVVMPAGES, pages_of(mm), UBC_NEVER_REFUSE, UBC_HOOK_MEMORY);
}

/* A fork copies all that the parent has. Reserved on the child, which has no mm yet; adopt_fork() turns it into the mm's charge, and a fork that
 * fails gives it back with the child. */
static __always_inline int reserve_fork(struct task_struct *child, u32 slot)
{
	struct task_struct *parent = bpf_get_current_task_btf();
	struct mm_struct *mm = parent->mm;

	if (!mm)
		return 0;
	return charge_key(key_of(child, KIND_FORK_MEMORY), slot, UBC_PRIVVMPAGES, pages_of(mm), UBC_REFUSE_OVER_BARRIER,
			  UBC_HOOK_MEMORY);
}

/* `mm_key` is made by the caller: a tracepoint has the mm as a pointer, a kprobe as a number. */
static __always_inline void adopt_fork(u64 child_key, struct mm_struct *mm, u64 mm_key)
{
	u64 w = take_charge(child_key);
	struct ubc_counter *c = w ? counter_of(charge_slot(w), UBC_PRIVVMPAGES) : 0;
	u64 had = charge_amount(w), has;

	if (!c)
		return;
	if (!mm) {
		uncharge(c, had);
		return;
	}
	has = BPF_CORE_READ(mm, data_vm) + BPF_CORE_READ(mm, stack_vm);
	if (has > had)
		charge(c, has - had, UBC_NEVER_REFUSE);
	else if (has < had)
		uncharge(c, had - has);
	forget_key(mm_key);
	if (remember(mm_key, pack_charge(charge_slot(w), UBC_PRIVVMPAGES, has, 0)))
		no_room(charge_slot(w), UBC_PRIVVMPAGES, has, UBC_NEVER_REFUSE);
}

#endif

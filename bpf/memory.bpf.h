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

static __always_inline u64 pages_up(u64 bytes)
{
	return (bytes + (1 << PAGE_SHIFT_) - 1) >> PAGE_SHIFT_;
}

static __always_inline u64 pages_of(struct mm_struct *mm)
{
	return mm->data_vm + mm->stack_vm;
}

static __always_inline int write_locked_by(struct mm_struct *mm, struct task_struct *task)
{
	return ((u64)mm->mmap_lock.owner.counter & ~2UL) == bpf_get_current_task();
}

static __noinline int raise_contended(u64 *w, u64 want, int severity)
{
	repeat(TRIES) {
		u64 old = *(volatile u64 *)w;
		u64 had = charge_amount(old);
		struct ubc_counter *c = charged_counter(old);
		int refused;

		if (had >= want)
			return 0;
		refused = charge(c, want - had, severity);
		if (refused)
			return refused;
		if (swap(w, old, old + ((want - had) << UBC_CHARGE_AMOUNT_SHIFT)))
			return 0;
		uncharge(c, want - had);
	}
	return 0; /* eight true-ups came in between: the one after this call will charge it */
}

/* Raises the charged amount to `want`. 0: it is so; else who refused. */
static __always_inline int raise_charge(u64 *w, u64 want, int severity)
{
	u64 old = *(volatile u64 *)w;
	u64 more = want - charge_amount(old);
	struct ubc_counter *c = charged_counter(old);
	int refused;

	if (charge_amount(old) >= want)
		return 0;
	refused = charge(c, more, severity);
	if (unlikely(refused))
		return refused;
	if (likely(swap(w, old, old + (more << UBC_CHARGE_AMOUNT_SHIFT))))
		return 0;
	uncharge(c, more);
	return raise_contended(w, want, severity);
}

/* 0: the mm has `pages` more charged than it has now; -1: refused. Under the write lock, so what the mm has stays. */
static __always_inline int reserve_memory(struct mm_struct *mm, u32 slot, u64 pages, int severity)
{
	u64 key = key_of(mm, KIND_OBJECT);
	u64 *w = find_charge(key);
	int refused;

	if (!w)
		return charge_key(key, slot, UBC_PRIVVMPAGES, pages_of(mm) + pages, severity, UBC_HOOK_MEMORY);
	refused = raise_charge(w, pages_of(mm) + pages, severity);
	if (likely(!refused))
		return 0;
	tell_refusal(charge_slot(*w), UBC_PRIVVMPAGES, pages, UBC_HOOK_MEMORY, by(refused, severity));
	return -1;
}

/* 1: the charged amount is what the mm has, whoever's call changed it, or was left to another; 0: it changed meanwhile. */
static __always_inline int try_true_up(struct mm_struct *mm, u64 *w, struct task_struct *task)
{
	u64 old = *(volatile u64 *)w;
	u64 had = charge_amount(old), has;
	u64 locked = mm->mmap_lock.count.counter & 1;

	asm volatile("" : "+r"(locked) : : "memory"); /* the charged amount first, then the lock, then what the mm has */
	has = pages_of(mm);
	if (has == had || (has < had && locked && !write_locked_by(mm, task)))
		return 1;
	return rewrite_amount(w, old, has);
}

static __noinline int true_up_contended(struct mm_struct *mm, u64 *w, struct task_struct *task)
{
	repeat(TRIES)
		if (try_true_up(mm, w, task))
			break;
	return 0;
}

static __always_inline void true_up(struct mm_struct *mm, u64 *w, struct task_struct *task)
{
	if (unlikely(!try_true_up(mm, w, task)))
		true_up_contended(mm, w, task);
}

/* An mm that is remembered is its container's, whoever this is: looked for first, which is cheaper than whose the task is. */
static __always_inline void true_up_current(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mm_struct *mm = task->mm;
	u32 slot;
	u64 *w;

	if (!mm)
		return;
	w = find_charge(key_of(mm, KIND_OBJECT));
	if (w) {
		true_up(mm, w, task);
		return;
	}
	slot = slot_of_current();
	if (slot && mm->mm_users.counter > 0) /* a process that entered the container, or was there before us: adopted in full */
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

/* The mm's record is complete before the child's goes: an audit on another CPU leaves alone whom it sees in between. `mm_key` is made by the
 * caller: a tracepoint has the mm as a pointer, a kprobe as a number. */
static __always_inline void adopt_fork(u64 child_key, struct mm_struct *mm, u64 mm_key)
{
	u64 *reserved = find_charge(child_key);
	u64 w = reserved ? *reserved : 0, had = charge_amount(w), has;
	struct ubc_counter *c = charged_counter(w);

	if (!w)
		return;
	if (!mm) {
		forget_key(child_key);
		return;
	}
	has = BPF_CORE_READ(mm, data_vm) + BPF_CORE_READ(mm, stack_vm);
	if (has > had)
		charge(c, has - had, UBC_NEVER_REFUSE);
	else if (has < had)
		uncharge(c, had - has);
	remember_charged(mm_key, pack_charge(charge_slot(w), UBC_PRIVVMPAGES, has, 0));
	take_charge(child_key);
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* What a refusal leaves behind: failcnt, the last one of its container and resource, and an entry in the log. Out of line and slow is fine:
 * nothing on the path of a granted charge comes here. */
#ifndef UBC_REFUSAL_BPF_H
#define UBC_REFUSAL_BPF_H

#include "bpf/call.bpf.h"
#include "bpf/charge.bpf.h"

#define NS_A_SECOND 1000000000ULL

/* Two that are refused at one instant may both open the second anew: one or two entries too many, nothing else. */
static __always_inline int may_log(struct ubc_counter *c, u64 now)
{
	if (now - c->logged_since >= NS_A_SECOND) {
		c->logged_since = now;
		c->logged = 1;
		return 1;
	}
	return __sync_fetch_and_add(&c->logged, 1) < UBC_LOGGED_A_SECOND;
}

static __always_inline void describe_caller(struct ubc_refusal *r, u32 hook)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call call;

	r->pid = r->uid = r->compat = 0;
	r->system_call = UBC_NO_SYSTEM_CALL;
	__builtin_memset(r->comm, 0, sizeof(r->comm));
	if (hook >= UBC_HOOK_IN_INTERRUPT)
		return;
	r->pid = bpf_get_current_pid_tgid() >> 32;
	r->uid = task->cred->uid.val;
	read_call(&call, task);
	r->system_call = call.nr;
	r->compat = call.compat != 0;
	bpf_get_current_comm(r->comm, sizeof(r->comm));
}

static __always_inline void append_to_log(const struct ubc_refusal *last)
{
	u32 zero = 0;
	struct ubc_refusal_log *log = bpf_map_lookup_elem(&refusal_log, &zero);
	struct ubc_refusal *entry;
	u64 number;

	if (!log)
		return;
	number = __sync_fetch_and_add(&log->written, 1);
	entry = &log->entries[number & (UBC_LOG_ENTRIES - 1)];
	*(volatile u64 *)&entry->sequence = UBC_BEING_WRITTEN;
	barrier();
	__builtin_memcpy(&entry->time_ns, &last->time_ns, sizeof(*entry) - sizeof(entry->sequence));
	barrier(); /* x86 keeps stores in order; the compiler has to as well */
	*(volatile u64 *)&entry->sequence = number + 1;
}

#define BY_GROUP 0x100 /* with a severity: the group's number refused */

/* What tell_refusal() is told of a charge that `refused` says who refused. */
static __always_inline u32 by(int refused, u32 severity)
{
	return refused == REFUSED_BY_GROUP ? severity | BY_GROUP : severity;
}

/* 1: the caller has the entry to itself, until it writes `*number`. */
static __always_inline int begin_entry(struct ubc_refusal *last, u64 *number)
{
	u64 seen = *(volatile u64 *)&last->sequence;

	*number = seen + 1;
	return seen != UBC_BEING_WRITTEN && __sync_val_compare_and_swap(&last->sequence, seen, UBC_BEING_WRITTEN) == seen;
}

static __always_inline void end_entry(struct ubc_refusal *last, u64 number)
{
	barrier();
	*(volatile u64 *)&last->sequence = number;
}

/* The last one of a resource in the slot's table. */
static __always_inline struct ubc_refusal *last_refusal(u32 slot, u32 resource)
{
	struct ubc_last_refusals *all = bpf_map_lookup_elem(&last_refusals, &slot);

	if (!all)
		return 0;
	asm volatile("" : "+r"(all)); /* keep clang from adding the offset before the check */
	return &all->of[resource & (UBC_RESOURCES - 1)];
}

/* A member's refusal is the group's last one as well. One that comes while another is being written is in the log only. */
static __noinline int tell_group(const struct ubc_refusal *told)
{
	struct ubc_refusal *last = last_refusal(told->group, told->resource);
	u64 number;

	if (!last || !begin_entry(last, &number))
		return 0;
	__builtin_memcpy(&last->time_ns, &told->time_ns, sizeof(*last) - sizeof(last->sequence));
	end_entry(last, number);
	return 0;
}

__noinline int tell_refusal(u32 slot, u32 resource, u64 amount, u32 hook, u32 severity)
{
	struct ubc_counter *c = counter_of(slot, resource), *group = severity & BY_GROUP ? group_of(c) : 0;
	struct ubc_counter *refuser = group ? group : c;
	struct ubc_refusal *last = last_refusal(slot, resource);
	u64 number;

	if (!last)
		return 0;
	__sync_fetch_and_add(&refuser->failcnt, 1);
	if (!begin_entry(last, &number)) {
		count_loss(UBC_LOSS_NOT_LOGGED); /* another refusal of the same resource is being written this instant */
		return 0;
	}
	last->time_ns = bpf_ktime_get_ns();
	last->amount = amount;
	last->held = refuser->held;
	last->barrier = refuser->barrier;
	last->limit = refuser->limit;
	last->slot = slot;
	last->resource = resource;
	last->hook = hook;
	last->severity = severity & ~BY_GROUP;
	last->group = group ? c->group >> UBC_CHARGE_SLOT_SHIFT : 0;
	describe_caller(last, hook);
	if (may_log(c, last->time_ns)) /* by the container's own count: a hog in a group must not push out the others */
		append_to_log(last);
	else
		count_loss(UBC_LOSS_NOT_LOGGED);
	if (group)
		tell_group(last);
	end_entry(last, number);
	return 0;
}

#endif

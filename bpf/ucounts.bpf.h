/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel itself counts for a user namespace and all below it: the ucounts of its creator's uid. They are a container's own where
 * its outermost user namespace was made under a uid of its own, as guests' are; elsewhere they are shared with others, and we keep out. */
#ifndef UBC_UCOUNTS_BPF_H
#define UBC_UCOUNTS_BPF_H

#include "bpf/charge.bpf.h"
#include "bpf/identity.bpf.h"

#define MAX_USERNS_DEPTH 33 /* the kernel's, and the host's own */

/* The ucounts of the outermost user namespace that `task` is in; NULL where that is not the slot's own. */
static __always_inline struct ucounts *ucounts_of(struct task_struct *task, u32 slot)
{
	struct user_namespace *ns = BPF_CORE_READ(task, cred, user_ns);
	struct ucounts *counts;

	repeat(MAX_USERNS_DEPTH) {
		int level = BPF_CORE_READ(ns, level);

		if (level == 0)
			return 0;
		if (level == 1)
			break;
		ns = BPF_CORE_READ(ns, parent);
	}
	counts = BPF_CORE_READ(ns, ucounts);
	return slot_of_uid(BPF_CORE_READ(counts, uid.val)) == slot ? counts : 0;
}

static __always_inline u64 read_word(const void *base, u64 offset)
{
	u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), base + offset);
	return value;
}

#define ucount_of(counts, name) \
	read_word(counts, bpf_core_field_offset(struct ucounts, ucount) + 8 * bpf_core_enum_value(enum ucount_type, name))

#define rlimit_of(counts, name) \
	read_word(counts, bpf_core_field_offset(struct ucounts, rlimit) + 8 * bpf_core_enum_value(enum rlimit_type, name))

/* What the kernel says is held becomes the ledger's word. The group's moves by the difference: of two that publish at once each takes its own
 * from what the other left, so the group's is the sum of its members', always. */
static __always_inline void publish(u32 slot, u32 resource, u64 held)
{
	struct ubc_counter *c = counter_of(slot, resource), *group = group_of(c);
	u64 before = __sync_lock_test_and_set(&c->held, held);

	raise_maxheld(c, held);
	if (group)
		raise_maxheld(group, __sync_fetch_and_add(&group->held, held - before) + held - before);
}

/* A gate: 0 where `amount` more may come, -1 where not. What is granted, the kernel will count: between the two, one more for each task
 * that is in the same call. */
static __always_inline int pass_gate(u32 slot, u32 resource, u64 held, u64 amount, u32 hook)
{
	int refused;

	publish(slot, resource, held);
	refused = charge(counter_of(slot, resource), amount, UBC_REFUSE_OVER_BARRIER); /* until the next look */
	if (!refused)
		return 0;
	tell_refusal(slot, resource, amount, hook, by(refused, UBC_REFUSE_OVER_BARRIER));
	return -1;
}

#endif

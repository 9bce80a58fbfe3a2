/* SPDX-License-Identifier: GPL-2.0 */
/* Whose is this? The uid's slot first: a subtraction and a shift. The cgroup's id second, and only where a container was adopted. */
#ifndef UBC_IDENTITY_BPF_H
#define UBC_IDENTITY_BPF_H

#include "bpf/maps.bpf.h"

#define MAX_CGROUP_LEVELS 32

static __always_inline u32 slot_of_uid(u32 uid)
{
	u32 slot = (uid - uid_base) / UBC_IDS_PER_SLOT;

	return slot < UBC_MAX_SLOTS ? slot : 0;
}

__noinline u32 slot_of_cgroup_aside(u64 id)
{
	u64 *slot = bpf_map_lookup_elem(&cgroups_aside, &id);

	return slot ? *slot & (UBC_MAX_SLOTS - 1) : 0;
}

/* Does this word of the table name the cgroup? */
static __always_inline int names_cgroup(u64 w, u64 id)
{
	return w && w >> UBC_CHARGE_SLOT_BITS == id >> UBC_CGROUP_INDEX_BITS;
}

static __always_inline u32 slot_of_cgroup_id(u64 id)
{
	u32 index = id & (UBC_CGROUP_SLOTS - 1);
	u64 *place = bpf_map_lookup_elem(&cgroups, &index);
	u64 w = place ? *(volatile u64 *)place : 0;

	if (names_cgroup(w, id))
		return w & (UBC_MAX_SLOTS - 1);
	return *(volatile ubc_u64 *)&settings.cgroups_aside ? slot_of_cgroup_aside(id) : 0;
}

static __always_inline int any_adopted(void)
{
	return *(volatile ubc_u64 *)&settings.cgroup_slots != 0;
}

/* While a cgroup has found no room in the map: its nearest ancestor that has, or a container that makes cgroups would go free. */
static __noinline u32 slot_of_ancestors(struct cgroup *cgrp)
{
	repeat(MAX_CGROUP_LEVELS) {
		u32 slot;

		cgrp = BPF_CORE_READ(cgrp, self.parent, cgroup);
		if (!cgrp)
			break;
		slot = slot_of_cgroup_id(BPF_CORE_READ(cgrp, kn, id));
		if (slot)
			return slot;
	}
	return 0;
}

static __always_inline u32 slot_of_cgroup(struct cgroup *cgrp, u64 id)
{
	u32 slot = slot_of_cgroup_id(id);

	return slot || !*(volatile ubc_u64 *)&cgroups_lost ? slot : slot_of_ancestors(cgrp);
}

static __always_inline u32 slot_of_current_cgroup(void)
{
	struct task_struct *task;

	if (!any_adopted())
		return 0;
	task = bpf_get_current_task_btf();
	return slot_of_cgroup(task->cgroups->dfl_cgrp, bpf_get_current_cgroup_id());
}

/* `uid` is that of the credential which the object carries. */
static __always_inline u32 slot_of(u32 uid)
{
	u32 slot = slot_of_uid(uid);

	return slot ? slot : slot_of_current_cgroup();
}

/* Read from the credential: bpf_get_current_uid_gid() maps both ids through a user namespace, some 80 instructions. */
static __always_inline u32 slot_of_current(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return slot_of(task->cred->uid.val);
}

/* For iterators, whose current task is the reader. */
static __always_inline u32 slot_of_task(struct task_struct *task)
{
	u32 slot = slot_of_uid(task->cred->uid.val);

	return slot || !any_adopted() ? slot : slot_of_cgroup(task->cgroups->dfl_cgrp, task->cgroups->dfl_cgrp->kn->id);
}

#endif

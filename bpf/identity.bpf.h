/* SPDX-License-Identifier: GPL-2.0 */
/* Whose is this? The uid's slot first: a subtraction and a shift. The cgroup's id second, and only where a container was adopted. */
#ifndef UBC_IDENTITY_BPF_H
#define UBC_IDENTITY_BPF_H

#include "bpf/maps.bpf.h"

static __always_inline u32 slot_of_uid(u32 uid)
{
	u32 slot = (uid - uid_base) / UBC_IDS_PER_SLOT;

	return slot < UBC_MAX_SLOTS ? slot : 0;
}

static __always_inline u32 slot_of_cgroup_id(u64 id)
{
	u32 index = id & (UBC_CGROUP_SLOTS - 1);
	struct ubc_cgroup_slot *c = bpf_map_lookup_elem(&cgroups, &index);

	return c && c->cgroup_id == id ? c->slot & (UBC_MAX_SLOTS - 1) : 0;
}

static __always_inline int any_adopted(void)
{
	return *(volatile ubc_u64 *)&settings.cgroup_slots != 0;
}

static __always_inline u32 slot_of_current_cgroup(void)
{
	return any_adopted() ? slot_of_cgroup_id(bpf_get_current_cgroup_id()) : 0;
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

#endif

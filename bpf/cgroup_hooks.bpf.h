/* SPDX-License-Identifier: GPL-2.0 */
/* Which cgroup pays from which slot. A cgroup that is made inside an adopted one pays as its parent does. Both tracepoints fire under a spinlock
 * with interrupts off (TRACE_CGROUP_PATH in kernel/cgroup/cgroup-internal.h), so no preemption can skip them; mkdir's fires before anybody can
 * enter the cgroup. Userspace maps and unmaps by the program `request`, with the same functions. */
#include "bpf/objects.bpf.h"

static __always_inline u64 cgroup_word(u64 id, u32 slot)
{
	return id >> UBC_CGROUP_INDEX_BITS << UBC_CHARGE_SLOT_BITS | (slot & (UBC_MAX_SLOTS - 1));
}

static __always_inline u64 *place_of_cgroup(u64 id)
{
	u32 index = id & (UBC_CGROUP_SLOTS - 1);

	return bpf_map_lookup_elem(&cgroups, &index);
}

static __noinline int map_cgroup_aside(u64 id, u64 slot)
{
	int known = bpf_map_lookup_elem(&cgroups_aside, &id) != 0;

	if (bpf_map_update_elem(&cgroups_aside, &id, &slot, BPF_ANY))
		return -ENOSPC_;
	if (!known) {
		__sync_fetch_and_add(&settings.cgroups_aside, 1);
		__sync_fetch_and_add(&settings.cgroup_slots, 1);
	}
	return 0;
}

/* 0, or -ENOSPC. A cgroup that is mapped already goes to the new slot. */
static __noinline int map_cgroup(u64 id, u32 slot)
{
	u64 *place = place_of_cgroup(id);

	if (!place || !slot || bpf_map_lookup_elem(&cgroups_aside, &id))
		return map_cgroup_aside(id, slot);
	repeat(TRIES) {
		u64 w = *(volatile u64 *)place;

		if (w && !names_cgroup(w, id))
			break;
		if (__sync_val_compare_and_swap(place, w, cgroup_word(id, slot)) != w)
			continue;
		if (!w)
			__sync_fetch_and_add(&settings.cgroup_slots, 1);
		return 0;
	}
	return map_cgroup_aside(id, slot);
}

static __noinline int unmap_cgroup(u64 id)
{
	u64 *place = place_of_cgroup(id);
	u64 w = place ? *(volatile u64 *)place : 0;

	if (place && names_cgroup(w, id) && __sync_val_compare_and_swap(place, w, 0) == w)
		__sync_fetch_and_add(&settings.cgroup_slots, -1);
	if (*(volatile ubc_u64 *)&settings.cgroups_aside && bpf_map_delete_elem(&cgroups_aside, &id) == 0) {
		__sync_fetch_and_add(&settings.cgroups_aside, -1);
		__sync_fetch_and_add(&settings.cgroup_slots, -1);
	}
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(inherit_container, struct cgroup *cgrp)
{
	struct cgroup *parent;
	u32 slot;

	if (!any_adopted())
		return 0;
	parent = cgrp->self.parent->cgroup;
	slot = slot_of_cgroup(parent, parent->kn->id);
	if (slot && map_cgroup(cgrp->kn->id, slot)) {
		__sync_fetch_and_add(&cgroups_lost, 1);
		count_loss(UBC_LOSS_CGROUP_UNMAPPED);
	}
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(leave_container, struct cgroup *cgrp)
{
	if (any_adopted())
		unmap_cgroup(cgrp->kn->id);
	return 0;
}

struct forgetting { u64 first; u32 slot; };

static long forget_place(u64 number, struct forgetting *f)
{
	u32 index = number;
	u64 *place = bpf_map_lookup_elem(&cgroups, &index);
	u64 w = place ? *(volatile u64 *)place : 0;

	if (place && w && (w & (UBC_MAX_SLOTS - 1)) == f->slot && __sync_val_compare_and_swap(place, w, 0) == w)
		__sync_fetch_and_add(&settings.cgroup_slots, -1);
	return 0;
}

static long forget_aside(struct bpf_map *map, u64 *id, u64 *slot, struct forgetting *f)
{
	if (*slot == f->slot)
		unmap_cgroup(*id);
	return 0;
}

static long forget_record(u64 index, struct forgetting *f)
{
	u64 offset = (f->first + index) * sizeof(struct ubc_record) & object_mask;
	struct ubc_record *r = (struct ubc_record *)((char *)objects + offset);
	u64 key = address_in(r) & KEY_MASK;

	if (key && charge_slot(*(volatile u64 *)&r->charge) == f->slot)
		forget_key(key);
	return 0;
}

static long forget_overflow(struct bpf_map *map, u64 *key, u64 *w, struct forgetting *f)
{
	if (charge_slot(*w) == f->slot)
		forget_key(*key);
	return 0;
}

#define RECORDS_A_LOOP (1 << 22) /* bpf_loop() takes 2^23 at most */
#define LOOPS ((1 << UBC_MAX_OBJECT_BITS) / RECORDS_A_LOOP)

/* No trace of the slot is left. Nobody may be charging to it: its cgroups are frozen or gone. */
static __always_inline int forget_slot(u32 slot)
{
	struct forgetting f = { .slot = slot };
	u64 records = object_mask / sizeof(struct ubc_record) + 1;

	if (!slot)
		return -EINVAL_;
	bpf_loop(UBC_CGROUP_SLOTS, forget_place, &f, 0);
	bpf_for_each_map_elem(&cgroups_aside, forget_aside, &f, 0);
	repeat(LOOPS) {
		f.first = i * RECORDS_A_LOOP;
		if (f.first < records)
			bpf_loop(records < RECORDS_A_LOOP ? records : RECORDS_A_LOOP, forget_record, &f, 0);
	}
	bpf_for_each_map_elem(&overflow, forget_overflow, &f, 0);
	return 0;
}

SEC("syscall")
int request(struct ubc_request *asked)
{
	u64 id = asked->cgroup_id;
	u32 slot = asked->slot & (UBC_MAX_SLOTS - 1);

	switch (asked->kind) {
	case UBC_MAP_CGROUP:
		return slot ? map_cgroup(id, slot) : -EINVAL_;
	case UBC_UNMAP_CGROUP:
		return unmap_cgroup(id);
	case UBC_FIND_CGROUP:
		return slot_of_cgroup_id(id);
	case UBC_FORGET_SLOT:
		return forget_slot(slot);
	}
	return -EINVAL_;
}

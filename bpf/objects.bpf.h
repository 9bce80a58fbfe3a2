/* SPDX-License-Identifier: GPL-2.0 */
/* The object table: charge iff remembered, uncharge iff forgotten, keyed by the object's kernel address. What existed before we attached is
 * never uncharged, a free without a charge is a no-op, and held returns to zero when the last object dies. */
#ifndef UBC_OBJECTS_BPF_H
#define UBC_OBJECTS_BPF_H

#include "bpf/refusal.bpf.h"
#include "bpf/identity.bpf.h"

/* A record's address word: 54 bits of key (an address without its three zero bits), and above them the number of objects of this bucket that
 * live in the overflow map: a miss need not look there while it is 0. */
#define KEY_BITS 54
#define KEY_MASK ((1ULL << KEY_BITS) - 1)
#define OVERFLOW_ONE (1ULL << KEY_BITS)
#define OVERFLOW_MAX 1000
#define TRIES 8

/* Several things are remembered of one task. They differ in bits that no two kernel addresses differ in alone. */
enum object_kind {
	KIND_OBJECT = 0,
	KIND_FORK_MEMORY = 1, /* of the child: its memory, reserved before it has an mm */
	KIND_FILE_CREDIT = 2, /* of the current task: files paid for with their inode, not yet allocated */
};

#define FLAG_REFUSED 1 /* over the barrier, but the hook that saw it cannot refuse: the next one shall */

static __always_inline u64 key_of(const void *object, enum object_kind kind)
{
	u64 a = (u64)object, b = (u64)&anchor;

	asm volatile("%0 -= %1" : "+r"(a) : "r"(b));
	return ((a >> 3) ^ ((u64)kind << 50)) & KEY_MASK;
}

/* The same for an address that came as a number (a kprobe's argument). */
static __always_inline u64 key_of_number(u64 address, enum object_kind kind)
{
	u64 task = (u64)bpf_get_current_task_btf(), b = (u64)&anchor;

	asm volatile("%0 -= %1" : "+r"(task) : "r"(b)); /* the current task, counted from the anchor */
	return (((address - bpf_get_current_task() + task) >> 3) ^ ((u64)kind << 50)) & KEY_MASK;
}

static __always_inline u64 pack_charge(u32 slot, u32 resource, u64 amount, u32 flags)
{
	return amount << UBC_CHARGE_AMOUNT_SHIFT | (u64)slot << UBC_CHARGE_SLOT_SHIFT |
	       (u64)resource << UBC_CHARGE_RESOURCE_SHIFT | flags;
}

static __always_inline u32 charge_slot(u64 w)
{
	return w >> UBC_CHARGE_SLOT_SHIFT & (UBC_MAX_SLOTS - 1);
}

static __always_inline u32 charge_resource(u64 w)
{
	return w >> UBC_CHARGE_RESOURCE_SHIFT & (UBC_RESOURCES - 1);
}

static __always_inline u64 charge_amount(u64 w)
{
	return w >> UBC_CHARGE_AMOUNT_SHIFT;
}

static __always_inline struct ubc_record *bucket_of(u64 key)
{
	u32 index = (key * 0x9E3779B97F4A7C15ULL) >> (64 - object_bits);

	return bpf_map_lookup_elem(&objects, &index);
}

static __noinline int remember_in_overflow(struct ubc_record *r, u64 key, u64 w)
{
	u32 zero = 0;
	struct ubc_health *h;

	if (!r || r->address >> KEY_BITS >= OVERFLOW_MAX || bpf_map_update_elem(&overflow, &key, &w, BPF_ANY))
		return -1;
	__sync_fetch_and_add(&r->address, OVERFLOW_ONE);
	h = bpf_map_lookup_elem(&health, &zero);
	if (h)
		__sync_fetch_and_add(&h->overflow_records, 1);
	return 0;
}

static __noinline u64 forget_in_overflow(struct ubc_record *r, u64 key)
{
	u64 *w = bpf_map_lookup_elem(&overflow, &key);
	u64 charge = w ? *w : 0;
	u32 zero = 0;
	struct ubc_health *h;

	if (!r || !w || bpf_map_delete_elem(&overflow, &key)) /* of two that forget at once, one deletes */
		return 0;
	__sync_fetch_and_add(&r->address, -OVERFLOW_ONE);
	h = bpf_map_lookup_elem(&health, &zero);
	if (h)
		__sync_fetch_and_add(&h->overflow_records, -1);
	return charge;
}

/* Where the charge word of a remembered object lives, given its bucket; NULL where it is not remembered. */
static __always_inline u64 *find_charge_in(struct ubc_record *r, u64 key)
{
	u64 address;

	if (!r)
		return 0;
	address = *(volatile u64 *)&r->address;
	if ((address & KEY_MASK) == key)
		return &r->charge;
	if (address >> KEY_BITS == 0)
		return 0;
	return bpf_map_lookup_elem(&overflow, &key);
}

static __always_inline u64 *find_charge(u64 key)
{
	return find_charge_in(bucket_of(key), key);
}

/* Forgets the object; the charge word that it had, or 0. Of two that forget at once, one gets it. */
static __always_inline u64 take_charge(u64 key)
{
	struct ubc_record *r = bucket_of(key);

	if (!r)
		return 0;
	repeat(TRIES) {
		u64 address = *(volatile u64 *)&r->address;
		u64 w;

		if ((address & KEY_MASK) != key)
			return address >> KEY_BITS ? forget_in_overflow(r, key) : 0;
		w = r->charge;
		if (__sync_val_compare_and_swap(&r->address, address, address & ~KEY_MASK) == address)
			return w;
	}
	return 0;
}

/* 0: remembered; -1: no room. The object must not be remembered already: charge_object() sees to it. */
static __always_inline int remember_in(struct ubc_record *r, u64 key, u64 w)
{
	if (!r)
		return -1;
	repeat(TRIES) {
		u64 address = *(volatile u64 *)&r->address;

		if (address & KEY_MASK)
			break;
		if (__sync_val_compare_and_swap(&r->address, address, address | key) == address) {
			*(volatile u64 *)&r->charge = w;
			return 0;
		}
	}
	return remember_in_overflow(r, key, w);
}

static __always_inline int remember(u64 key, u64 w)
{
	return remember_in(bucket_of(key), key, w);
}

/* Gives back what the object was charged, if it was. */
static __always_inline void forget_key(u64 key)
{
	u64 w = take_charge(key);
	struct ubc_counter *c = w ? counter_of(charge_slot(w), charge_resource(w)) : 0;

	if (w & FLAG_REFUSED)
		__sync_fetch_and_add(&marked, -1);
	else if (c && charge_amount(w))
		uncharge(c, charge_amount(w));
}

/* Can't be remembered, so can't be given back: refused where there is a number to hold it to, else let go uncounted. */
static __noinline int no_room(u32 slot, u32 resource, u64 amount, u32 severity)
{
	struct ubc_counter *c = counter_of(slot, resource);

	if (!c)
		return 0;
	uncharge(c, amount);
	if (severity == UBC_NEVER_REFUSE || (c->barrier >= UBC_UNLIMITED && c->limit >= UBC_UNLIMITED)) {
		count_loss(UBC_LOSS_OBJECT_TABLE_FULL);
		return 0;
	}
	count_loss(UBC_LOSS_OBJECT_REFUSED);
	return -1;
}

/* Charges and remembers. 0: granted (or nobody's); -1: refused, counted and told. */
static __always_inline int charge_key(u64 key, u32 slot, u32 resource, u64 amount, int severity, u32 hook)
{
	struct ubc_record *r = bucket_of(key);
	struct ubc_counter *c;

	if (find_charge_in(r, key)) { /* the free before this was skipped, or another generation of programs was here first */
		forget_key(key);
		count_loss(UBC_LOSS_FREE_MISSED);
	}
	c = counter_of(slot, resource);
	if (!c)
		return 0;
	if (charge(c, amount, severity))
		goto refused;
	if (remember_in(r, key, pack_charge(slot, resource, amount, 0)) == 0 || no_room(slot, resource, amount, severity) == 0)
		return 0;
refused:
	tell_refusal(slot, resource, amount, hook, severity);
	return -1;
}

/* `w` has FLAG_REFUSED: it is announced before it can be found. */
static __always_inline void mark_refused(u64 key, u64 w)
{
	__sync_fetch_and_add(&marked, 1);
	if (remember(key, w)) {
		__sync_fetch_and_add(&marked, -1);
		count_loss(UBC_LOSS_REFUSAL_SKIPPED);
	}
}

static __always_inline int charge_object(const void *object, u32 slot, u32 resource, u64 amount, int severity, u32 hook)
{
	return slot ? charge_key(key_of(object, KIND_OBJECT), slot, resource, amount, severity, hook) : 0;
}

static __always_inline void forget_object(const void *object)
{
	forget_key(key_of(object, KIND_OBJECT));
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* The object table: charge iff remembered, uncharge iff forgotten, keyed by the object's kernel address. What existed before we attached is
 * never uncharged, a free without a charge is a no-op, and held returns to zero when the last object dies. */
#ifndef UBC_OBJECTS_BPF_H
#define UBC_OBJECTS_BPF_H

#include "bpf/refusal.bpf.h"
#include "bpf/identity.bpf.h"

/* What is charged, to whom, how much: direct-mapped by a hash of the object's address. In .bss after the ledger, declared as large as it may
 * be: the kernel gets only what object_mask reaches. */
struct ubc_record objects[1 << UBC_MAX_OBJECT_BITS];

const volatile ubc_u64 object_mask = 0; /* of a record's offset in the table of objects */

/* Objects that are remembered with FLAG_REFUSED: while there are none, nobody looks for one. Likewise FLAG_CREDIT. */
ubc_u64 marked SEC(".data.marks"), credits SEC(".data.marks");

/* A record's address word: the object's address counted from the table, shifted up by what all kernel addresses share at their top. That
 * leaves ten bits free: three of the kind, for an address ends in three zeroes, and seven for the number of objects of this bucket that live
 * in the overflow map. So a word that equals the key is the object and has no overflow, 0 is a free record without: what hooks see nearly
 * always is told by one comparison. */
#define KEY_SHIFT 7
#define OVERFLOW_MAX ((1ULL << KEY_SHIFT) - 1)
#define KEY_MASK (~OVERFLOW_MAX)
#define TRIES 8

/* Several things are remembered of one task: below 8, each is a bit pattern that no address has. */
enum object_kind {
	KIND_OBJECT = 0,
	KIND_FORK_MEMORY = 1, /* of the child: its memory, reserved before it has an mm */
	KIND_FILE_CREDIT = 2, /* of the current task: files paid for with their inode, not yet allocated */
	KIND_SEND_BUFFER = 3, /* of a socket: see buffers.bpf.h */
	KIND_RECEIVE_BUFFER = 4,
	KIND_SEND_SHARE = 5,
	KIND_SEND_FLIGHTS = 6,
	KIND_NASCENT = 7, /* one of these four, while its record is being made */
};

#define FLAG_REFUSED 1 /* over the barrier, but the hook that saw it cannot refuse: the next one shall. Nothing is charged */
#define FLAG_CREDIT 2  /* a KIND_FILE_CREDIT */
#define FLAGS (FLAG_REFUSED | FLAG_CREDIT)

/* The verifier refuses arithmetic on a kernel pointer, but the difference of two pointers is a number. The table is pinned, so the next
 * generation of programs counts from the same place. */
static __always_inline u64 key_of(const void *object, enum object_kind kind)
{
	u64 a = (u64)object, b = (u64)objects;

	asm volatile("%0 -= %1" : "+r"(a) : "r"(b));
	return (a + kind) << KEY_SHIFT;
}

/* The same for an address that came as a number (a kprobe's argument). */
static __always_inline u64 key_of_number(u64 address, enum object_kind kind)
{
	u64 task = (u64)bpf_get_current_task_btf(), b = (u64)objects;

	asm volatile("%0 -= %1" : "+r"(task) : "r"(b)); /* the current task, counted from the table */
	return (address - bpf_get_current_task() + task + kind) << KEY_SHIFT;
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

/* counter_of(charge_slot(w), charge_resource(w)), in one mask. */
static __always_inline struct ubc_counter *charged_counter(u64 w)
{
	u64 offset = w & ((1ULL << UBC_CHARGE_AMOUNT_SHIFT) - (1ULL << UBC_CHARGE_RESOURCE_SHIFT));

	return (struct ubc_counter *)((char *)ledger + offset);
}

static __always_inline struct ubc_record *bucket_of(u64 key)
{
	u64 offset = key * 0x9E3779B97F4A7C15ULL >> (64 - UBC_MAX_OBJECT_BITS - 4) & object_mask;

	return (struct ubc_record *)((char *)objects + offset);
}

static __always_inline u64 address_in(const struct ubc_record *r)
{
	return *(const volatile u64 *)&r->address;
}

static __always_inline void count_overflow(struct ubc_record *r, u64 difference)
{
	u32 zero = 0;
	struct ubc_health *h = bpf_map_lookup_elem(&health, &zero);

	__sync_fetch_and_add(&r->address, difference);
	if (h)
		__sync_fetch_and_add(&h->overflow_records, difference);
}

/* Where a record shares its bucket with others: in the record, or in the overflow map. */
static __noinline u64 *find_crowded(struct ubc_record *r, u64 key)
{
	if ((address_in(r) & KEY_MASK) == key)
		return &r->charge;
	return bpf_map_lookup_elem(&overflow, &key);
}

static __noinline u64 take_crowded(struct ubc_record *r, u64 key)
{
	u64 *in_map, w;

	repeat(TRIES) {
		u64 address = address_in(r);

		if ((address & KEY_MASK) != key) {
			if (!(address & OVERFLOW_MAX))
				return 0;
			break;
		}
		w = r->charge;
		if (swap(&r->address, address, address & ~KEY_MASK))
			return w;
	}
	in_map = bpf_map_lookup_elem(&overflow, &key);
	w = in_map ? *in_map : 0;
	if (!in_map || bpf_map_delete_elem(&overflow, &key)) /* of two that forget at once, one deletes */
		return 0;
	count_overflow(r, -1);
	return w;
}

/* 0: remembered; -1: no room. Half of what can be counted is left to those who count at once. */
static __noinline int remember_crowded(struct ubc_record *r, u64 key, u64 w)
{
	repeat(TRIES) {
		u64 address = address_in(r);

		if (address & KEY_MASK)
			break;
		if (swap(&r->address, address, address | key)) {
			*(volatile u64 *)&r->charge = w;
			return 0;
		}
	}
	if ((address_in(r) & OVERFLOW_MAX) > OVERFLOW_MAX / 2 || bpf_map_update_elem(&overflow, &key, &w, BPF_ANY))
		return -1;
	count_overflow(r, 1);
	return 0;
}

/* Where the charge word of a remembered object lives; NULL where it is not remembered. */
static __always_inline u64 *find_charge(u64 key)
{
	struct ubc_record *r = bucket_of(key);
	u64 address = address_in(r);

	if (likely(address == key))
		return &r->charge;
	return address & OVERFLOW_MAX ? find_crowded(r, key) : 0;
}

/* Forgets the object; the charge word that it had, or 0. Of two that forget at once, one gets it. */
static __always_inline u64 take_charge(u64 key)
{
	struct ubc_record *r = bucket_of(key);
	u64 address = address_in(r), w;

	if (likely(address == key)) {
		w = r->charge;
		if (likely(swap(&r->address, key, 0)))
			return w;
	} else if (!(address & OVERFLOW_MAX)) {
		return 0;
	}
	return take_crowded(r, key);
}

/* 0: remembered; -1: no room. The object must not be remembered already: make_way() sees to it. */
static __always_inline int remember_in(struct ubc_record *r, u64 key, u64 w)
{
	if (unlikely(!swap(&r->address, 0, key)))
		return remember_crowded(r, key, w);
	*(volatile u64 *)&r->charge = w;
	return 0;
}

__noinline int drop_flagged(u64 w)
{
	if (w & FLAG_REFUSED)
		__sync_fetch_and_add(&marked, -1);
	else
		__sync_fetch_and_add(&credits, -1);
	return 0;
}

static __always_inline void give_back(u64 w)
{
	if (unlikely(w & FLAGS))
		drop_flagged(w);
	uncharge(charged_counter(w), charge_amount(w));
}

/* 1: the record that had `old` is charged `has`; 0: it changed meanwhile. The counter first, where it grows: as soon as the record says so, another
 * CPU may give all of it back. */
static __always_inline int rewrite_amount(u64 *w, u64 old, u64 has)
{
	struct ubc_counter *c = charged_counter(old);
	u64 had = charge_amount(old);

	if (has > had)
		charge(c, has - had, UBC_NEVER_REFUSE);
	if (unlikely(!swap(w, old, old + ((has - had) << UBC_CHARGE_AMOUNT_SHIFT)))) {
		if (has > had)
			uncharge(c, has - had);
		return 0;
	}
	if (has < had)
		uncharge(c, had - has);
	return 1;
}

/* Gives back what the object was charged, if it was. */
static __always_inline void forget_key(u64 key)
{
	u64 w = take_charge(key);

	if (w)
		give_back(w);
}

static __noinline int forget_missed(struct ubc_record *r, u64 key)
{
	u64 w = take_crowded(r, key);

	if (!w)
		return 0;
	give_back(w);
	count_loss(UBC_LOSS_FREE_MISSED);
	return 0;
}

/* Before an object is remembered: the free before this was skipped, or another generation of programs was here first. */
static __always_inline void make_way(struct ubc_record *r, u64 key)
{
	if (unlikely(address_in(r)))
		forget_missed(r, key);
}

static __always_inline int has_number(const struct ubc_counter *c)
{
	return c && (c->barrier < UBC_UNLIMITED || c->limit < UBC_UNLIMITED);
}

/* The container has a number on the resource, or its group has. */
static __always_inline int is_limited(u32 slot, u32 resource)
{
	struct ubc_counter *c = counter_of(slot, resource);

	return has_number(c) || has_number(group_of(c));
}

/* Can't be remembered, so can't be given back: refused where there is a number to hold it to (whose, is the answer), else let go uncounted. */
__noinline int no_room(u32 slot, u32 resource, u64 amount, u32 severity)
{
	struct ubc_counter *c = counter_of(slot, resource);
	int refused = has_number(c) ? REFUSED : has_number(group_of(c)) ? REFUSED_BY_GROUP : 0;

	uncharge(c, amount);
	if (severity == UBC_NEVER_REFUSE || !refused) {
		count_loss(UBC_LOSS_OBJECT_TABLE_FULL);
		return 0;
	}
	count_loss(UBC_LOSS_OBJECT_REFUSED);
	return refused;
}

/* Charges and remembers, in a bucket where the object is not remembered. 0: remembered; 1: let go uncounted; -1: refused, counted and told. */
static __always_inline int charge_in(struct ubc_record *r, u64 key, u32 slot, u32 resource, u64 amount, u32 flags, int severity, u32 hook)
{
	int refused = charge(counter_of(slot, resource), amount, severity);

	if (refused)
		goto refused;
	if (remember_in(r, key, pack_charge(slot, resource, amount, flags)) == 0)
		return 0;
	refused = no_room(slot, resource, amount, severity);
	if (!refused)
		return 1;
refused:
	tell_refusal(slot, resource, amount, hook, by(refused, severity));
	return -1;
}

/* 0: granted (or nobody's); -1: refused, counted and told. */
static __always_inline int charge_key(u64 key, u32 slot, u32 resource, u64 amount, int severity, u32 hook)
{
	struct ubc_record *r = bucket_of(key);

	make_way(r, key);
	return charge_in(r, key, slot, resource, amount, 0, severity, hook) < 0 ? -1 : 0;
}

/* Remembers what is charged already, or gives it back. */
static __always_inline int remember_charged(u64 key, u64 w)
{
	struct ubc_record *r = bucket_of(key);

	make_way(r, key);
	if (remember_in(r, key, w) == 0)
		return 0;
	no_room(charge_slot(w), charge_resource(w), charge_amount(w), UBC_NEVER_REFUSE);
	return -1;
}

/* `w` has FLAG_REFUSED: it is announced before it can be found. */
__noinline int mark_refused(u64 key, u64 w)
{
	struct ubc_record *r = bucket_of(key);

	make_way(r, key);
	__sync_fetch_and_add(&marked, 1);
	if (remember_in(r, key, w)) {
		__sync_fetch_and_add(&marked, -1);
		count_loss(UBC_LOSS_REFUSAL_SKIPPED);
	}
	return 0;
}

static __always_inline int charge_object(const void *object, u32 slot, u32 resource, u64 amount, int severity, u32 hook)
{
	return slot ? charge_key(key_of(object, KIND_OBJECT), slot, resource, amount, severity, hook) : 0;
}

/* Of a pipe or socket that failed, or of a task that ended, before it had its files. */
static __always_inline void forget_credit(const void *task)
{
	if (*(volatile ubc_u64 *)&credits)
		forget_key(key_of(task, KIND_FILE_CREDIT));
}

static __always_inline void forget_object(const void *object)
{
	forget_key(key_of(object, KIND_OBJECT));
}

#endif

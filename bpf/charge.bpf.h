/* SPDX-License-Identifier: GPL-2.0 */
/* The arithmetic that all hooks share. Its twin in C++ is accounting/charge_model; a test drives both with the same sequences. */
#ifndef UBC_CHARGE_BPF_H
#define UBC_CHARGE_BPF_H

#include "bpf/maps.bpf.h"

#define CAS_TRIES 32

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Hides from clang how a value came about: it then takes it as it is, where it would have made two additions or a flag of it. */
#define opaque(x) asm volatile("" : "+r"(x))

/* Never NULL. Slots and resources out of range cannot be: they are masked for the verifier. */
static __always_inline struct ubc_counter *counter_of(u32 slot, u32 resource)
{
	struct ubc_counter *c;

	opaque(slot);
	c = &ledger[slot & (UBC_MAX_SLOTS - 1)].counters[resource & (UBC_RESOURCES - 1)];
	opaque(c);
	return c;
}

/* The same resource's counter of the group that the container is in; NULL: it is in none. */
static __always_inline struct ubc_counter *group_at(u64 offset)
{
	offset &= (1ULL << UBC_CHARGE_AMOUNT_SHIFT) - (1ULL << UBC_CHARGE_RESOURCE_SHIFT);
	return offset ? (struct ubc_counter *)((char *)ledger + offset) : 0;
}

static __always_inline struct ubc_counter *group_of(const struct ubc_counter *c)
{
	return group_at(*(const volatile u64 *)&c->group);
}

/* 1: *at was `from` and is `to`. */
static __always_inline int swap(u64 *at, u64 from, u64 to)
{
	u64 was = __sync_val_compare_and_swap(at, from, to);

	opaque(was);
	return was == from;
}

/* The largest held that a charge of this severity may reach. OpenVZ's HARD obeys both numbers, SOFT only the limit. */
static __always_inline u64 ceiling_of(const volatile struct ubc_counter *c, int severity)
{
	u64 barrier, limit;

	if (severity == UBC_NEVER_REFUSE)
		return ~0ULL;
	limit = c->limit;
	if (severity == UBC_REFUSE_OVER_LIMIT)
		return limit;
	barrier = c->barrier;
	return barrier < limit ? barrier : limit;
}

/* The functions that are not static are verified once for each program, not once more on each way to each of their calls: half of the time that
 * an attach takes. They are given any pointer, so each asks for NULL. */
__noinline int raise_maxheld(struct ubc_counter *c, u64 held)
{
	if (!c)
		return 0;
	repeat(CAS_TRIES) {
		u64 seen = *(volatile u64 *)&c->maxheld;

		if (seen >= held || swap(&c->maxheld, seen, held))
			return 0;
	}
	return 0;
}

/* 0: *held is what the counter has come to; -1: refused. */
static __always_inline int raise_held(struct ubc_counter *c, u64 amount, u64 ceiling, u64 *held)
{
	repeat(CAS_TRIES) {
		u64 seen = *(volatile u64 *)&c->held;

		*held = seen + amount;
		if (*held < seen || *held > ceiling)
			return -1;
		if (swap(&c->held, seen, *held))
			return 0;
	}
	*held = __sync_fetch_and_add(&c->held, amount) + amount; /* never seen: lost 32 races in a row */
	if (*held < amount || *held > ceiling) {
		__sync_fetch_and_add(&c->held, -amount);
		return -1;
	}
	return 0;
}

/* Who refused a charge. */
#define REFUSED (-1)          /* the container's own numbers */
#define REFUSED_BY_GROUP (-2) /* its group's */

/* The group's half of a charge whose own half is done: `held` is what the container has come to. */
__noinline int charge_group(struct ubc_counter *c, u64 held, u64 amount, int severity)
{
	struct ubc_counter *group;
	u64 sum;

	if (!c)
		return 0;
	group = group_of(c);
	if (group) {
		if (raise_held(group, amount, ceiling_of(group, severity), &sum)) {
			__sync_fetch_and_add(&c->held, -amount);
			return REFUSED_BY_GROUP;
		}
		raise_maxheld(group, sum);
	}
	raise_maxheld(c, held);
	return 0;
}

/* charge() after a lost race. */
__noinline int charge_contended(struct ubc_counter *c, u64 amount, int severity)
{
	u64 held;

	if (!c)
		return 0;
	if (raise_held(c, amount, ceiling_of(c, severity), &held))
		return REFUSED;
	return charge_group(c, held, amount, severity);
}

/* Charges `amount`, in the resource's unit, to the container and to the group that it is in. 0: granted; else who refused, and held and maxheld
 * are as they were: over the number, or over what a held can be. Compare-and-swap rather than add-and-undo: no reader ever sees a held above the
 * number, and two charges that race at the number are not both refused. The container first, and its half is undone where the group refuses.
 * The first try is straight; what is rare lies out of line, here and wherever every hook passes. */
static __always_inline int charge(struct ubc_counter *c, u64 amount, int severity)
{
	u64 ceiling = ceiling_of(c, severity);
	u64 seen = *(volatile u64 *)&c->held;
	u64 held = seen + amount;

	opaque(held);
	if (held < seen || held > ceiling)
		return REFUSED;
	if (unlikely(!swap(&c->held, seen, held)))
		return charge_contended(c, amount, severity);
	if (unlikely(*(volatile u64 *)&c->group))
		return charge_group(c, held, amount, severity);
	if (unlikely(c->maxheld < held))
		raise_maxheld(c, held);
	return 0;
}

static __always_inline int is_over(const struct ubc_counter *c, u64 amount, int severity)
{
	return *(const volatile u64 *)&c->held + amount > ceiling_of(c, severity);
}

/* Who would refuse the charge; 0: nobody, as it is now. For what the kernel will count next, or has counted. */
static __always_inline int would_refuse(const struct ubc_counter *c, u64 amount, int severity)
{
	const struct ubc_counter *group;

	if (is_over(c, amount, severity))
		return REFUSED;
	group = group_of(c);
	return group && is_over(group, amount, severity) ? REFUSED_BY_GROUP : 0;
}

/* How much of it the counter had: where that is less, it is 0 now. */
static __always_inline u64 check_uncharged(struct ubc_counter *c, u64 amount, u64 before)
{
	if (likely(before >= amount))
		return amount;
	__sync_fetch_and_add(&c->held, amount - before);
	count_loss(UBC_LOSS_UNCHARGE_TOO_MUCH);
	return before;
}

/* The group gets back what the container had. */
__noinline int uncharge_rest(struct ubc_counter *c, u64 amount, u64 before, u64 offset)
{
	struct ubc_counter *group = group_at(offset);

	if (!c)
		return 0;
	amount = check_uncharged(c, amount, before);
	if (group)
		check_uncharged(group, amount, __sync_fetch_and_add(&group->held, -amount));
	return 0;
}

/* The group is read first: once nothing is held any more, the container may be put into another. */
static __always_inline void uncharge(struct ubc_counter *c, u64 amount)
{
	u64 group = *(volatile u64 *)&c->group;
	u64 before = __sync_fetch_and_add(&c->held, -amount);

	if (unlikely(before < amount || group))
		uncharge_rest(c, amount, before, group);
}

#endif

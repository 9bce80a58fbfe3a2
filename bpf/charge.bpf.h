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

static __noinline int raise_maxheld(struct ubc_counter *c, u64 held)
{
	repeat(CAS_TRIES) {
		u64 seen = *(volatile u64 *)&c->maxheld;

		if (seen >= held || swap(&c->maxheld, seen, held))
			return 0;
	}
	return 0;
}

/* charge() after a lost race. */
static __noinline int charge_contended(struct ubc_counter *c, u64 amount, u64 ceiling)
{
	u64 held;

	repeat(CAS_TRIES) {
		u64 seen = *(volatile u64 *)&c->held;

		held = seen + amount;
		if (held < seen || held > ceiling)
			return -1;
		if (swap(&c->held, seen, held))
			goto granted;
	}
	held = __sync_fetch_and_add(&c->held, amount) + amount; /* never seen: lost 32 races in a row */
	if (held < amount || held > ceiling) {
		__sync_fetch_and_add(&c->held, -amount);
		return -1;
	}
granted:
	raise_maxheld(c, held);
	return 0;
}

/* Charges `amount`, in the resource's unit. 0: granted; -1: refused, and held and maxheld are as they were: over the number, or over what a
 * held can be. Compare-and-swap rather than add-and-undo: no reader ever sees a held above the number, and two charges that race at the
 * number are not both refused. The first try is straight; what is rare lies out of line, here and wherever every hook passes. */
static __always_inline int charge(struct ubc_counter *c, u64 amount, int severity)
{
	u64 ceiling = ceiling_of(c, severity);
	u64 seen = *(volatile u64 *)&c->held;
	u64 held = seen + amount;

	opaque(held);
	if (held < seen || held > ceiling)
		return -1;
	if (unlikely(!swap(&c->held, seen, held)))
		return charge_contended(c, amount, ceiling);
	if (unlikely(c->maxheld < held))
		raise_maxheld(c, held);
	return 0;
}

static __noinline int uncharged_too_much(struct ubc_counter *c, u64 excess)
{
	__sync_fetch_and_add(&c->held, excess);
	count_loss(UBC_LOSS_UNCHARGE_TOO_MUCH);
	return 0;
}

static __always_inline void uncharge(struct ubc_counter *c, u64 amount)
{
	u64 before = __sync_fetch_and_add(&c->held, -amount);

	if (unlikely(before < amount))
		uncharged_too_much(c, amount - before);
}

#endif

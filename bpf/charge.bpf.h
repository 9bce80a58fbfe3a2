/* SPDX-License-Identifier: GPL-2.0 */
/* The arithmetic that all hooks share. Its twin in C++ is accounting/charge_model; a test drives both with the same sequences. */
#ifndef UBC_CHARGE_BPF_H
#define UBC_CHARGE_BPF_H

#include "bpf/maps.bpf.h"

#define CAS_TRIES 32
/* A bounded loop, kept one in the code: the verifier walks it, the instruction cache does not. */
#define repeat(tries) _Pragma("clang loop unroll(disable)") for (int i = 0; i < (tries); i++)

static __always_inline struct ubc_counter *counter_of(u32 slot, u32 resource)
{
	struct ubc_beancounter *b = bpf_map_lookup_elem(&ledger, &slot);

	if (!b)
		return 0;
	asm volatile("" : "+r"(b)); /* keep clang from adding the offset before the check */
	return &b->counters[resource & (UBC_RESOURCES - 1)];
}

/* The largest held that a charge of this severity may reach. OpenVZ's HARD obeys both numbers, SOFT only the limit. */
static __always_inline u64 ceiling_of(const volatile struct ubc_counter *c, int severity)
{
	u64 barrier = c->barrier, limit = c->limit;

	if (severity == UBC_NEVER_REFUSE)
		return ~0ULL;
	if (severity == UBC_REFUSE_OVER_LIMIT)
		return limit;
	return barrier < limit ? barrier : limit;
}

static __always_inline void raise_maxheld(struct ubc_counter *c, u64 held)
{
	repeat(CAS_TRIES) {
		u64 seen = *(volatile u64 *)&c->maxheld;

		if (seen >= held || __sync_val_compare_and_swap(&c->maxheld, seen, held) == seen)
			return;
	}
}

/* Charges `amount`, in the resource's unit. 0: granted; -1: refused, and held and maxheld are as they were. Compare-and-swap rather than
 * add-and-undo: no reader ever sees a held above the number, and two charges that race at the number are not both refused. */
static __always_inline int charge(struct ubc_counter *c, u64 amount, int severity)
{
	u64 ceiling = ceiling_of(c, severity);
	u64 held;

	repeat(CAS_TRIES) {
		u64 seen = *(volatile u64 *)&c->held;

		held = seen + amount;
		if (held > ceiling)
			return -1;
		if (__sync_val_compare_and_swap(&c->held, seen, held) == seen)
			goto granted;
	}
	held = __sync_fetch_and_add(&c->held, amount) + amount; /* never seen: lost 32 races in a row */
	if (held > ceiling) {
		__sync_fetch_and_add(&c->held, -amount);
		return -1;
	}
granted:
	raise_maxheld(c, held);
	return 0;
}

static __always_inline void uncharge(struct ubc_counter *c, u64 amount)
{
	u64 before = __sync_fetch_and_add(&c->held, -amount);

	if (before < amount) {
		__sync_fetch_and_add(&c->held, amount - before);
		count_loss(UBC_LOSS_UNCHARGE_TOO_MUCH);
	}
}

#endif

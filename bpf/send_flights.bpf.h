/* SPDX-License-Identifier: GPL-2.0 */
/* Sends that may sleep. What such a sender was let go up to stays charged to its socket until its call returns: woken, it fills the room that
 * it was promised, whatever the others took meanwhile. A flight record counts a socket's senders and keeps the most they were promised. */
#ifndef UBC_SEND_FLIGHTS_BPF_H
#define UBC_SEND_FLIGHTS_BPF_H

#include "bpf/buffers.bpf.h"

#define FLIGHT_BYTES 4096 /* what is smaller hardly matters while it sleeps */
#define FLIGHTS_MOST 500  /* of one socket: what its record has bits for */

__noinline int begin_flight(u64 socket_key, u64 key, u64 up_to)
{
	u64 *w = find_charge(key);

	if (!w && make_buffer(socket_key, key, UBC_OTHERSOCKBUF) == 0)
		w = find_charge(key);
	if (!w)
		return 0;
	repeat(TRIES) {
		u64 old = *(volatile u64 *)w, amount = charge_amount(old);
		u64 count = (amount >> 32) + 1, most = amount >> 32 ? (u32)amount : 0;

		if (count > FLIGHTS_MOST)
			return 0;
		if (most < up_to)
			most = up_to;
		if (__sync_val_compare_and_swap(w, old, rewritten(old, count << 32 | (u32)most)) != old)
			continue;
		__sync_fetch_and_add(&flights, 1);
		return 0;
	}
	return 0;
}

__noinline int end_flight(u64 key)
{
	u64 *w = find_charge(key);

	if (!w)
		return 0;
	repeat(TRIES) {
		u64 old = *(volatile u64 *)w, amount = charge_amount(old);

		if (!(amount >> 32))
			return 0;
		if (__sync_val_compare_and_swap(w, old, rewritten(old, amount - (1ULL << 32))) != old)
			continue;
		__sync_fetch_and_add(&flights, -1);
		return 0;
	}
	return 0;
}

/* All of them: a program that was skipped may have left one in the air for ever. */
__noinline int end_flights(u64 key)
{
	u64 *w = find_charge(key);
	u64 old = w ? *(volatile u64 *)w : 0;

	if (w && __sync_val_compare_and_swap(w, old, rewritten(old, 0)) == old)
		__sync_fetch_and_add(&flights, -(charge_amount(old) >> 32));
	return 0;
}

static __always_inline int may_fly(struct msghdr *msg, u64 size)
{
	return size > FLIGHT_BYTES && !(msg->msg_flags & MSG_DONTWAIT_);
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Socket buffers. A socket has up to two buffer records beside its own: what it holds to send (tcpsndbuf or othersockbuf) and to receive
 * (tcprcvbuf or dgramrcvbuf). A record's amount is what we have charged for it; the sum over a container's sockets is its held, always.
 *   reserve: before the kernel queues, the amount is raised to now + what is asked for, or the call is refused.
 *   true up: after each event the amount becomes what the socket has, read again and not summed up, so that a skipped event heals at the next.
 * Events of one socket come on several CPUs at once, many in a softirq with somebody else's `current`.
 * What is out of line here is not static: the verifier looks at such a function once, not at each call in each loop (6.1 gave up). */
#ifndef UBC_BUFFERS_BPF_H
#define UBC_BUFFERS_BPF_H

#include "bpf/objects.bpf.h"

/* In the flags of a buffer's charge word: counts its writes, so that one which wrote the same number again is seen by a racing one. */
#define WRITES_ONE 4
#define WRITES_MASK 0x3c

/* Sockets with a share record (see grow_send), and sends that were let sleep (see promise): while there are none, nobody looks for one. */
ubc_u64 shares SEC(".data.buffers"), flights SEC(".data.buffers");

/* Decided before anything else: the uid of its maker is outside every slot, and no container was adopted. */
static __always_inline int nobodys(const struct sock *sk)
{
	return !slot_of_uid(sk->sk_uid.val) && !any_adopted();
}

/* 0: the record is there; 1: nobody pays for this socket, or another CPU is making it: the next event finds it; -1: no room, and refused. */
__noinline int make_buffer(u64 socket_key, u64 key, u32 resource)
{
	u64 *payer = find_charge(socket_key);
	u64 nascent = key | (u64)KIND_NASCENT << KEY_SHIFT; /* of four kinds, all bits set: no matter which */
	struct ubc_record *r = bucket_of(key);
	u32 slot;
	u64 w;

	if (!payer)
		return 1;
	slot = charge_slot(*payer);
	w = pack_charge(slot, resource, 0, 0);
	repeat(TRIES) {
		u64 address = *(volatile u64 *)&r->address, here = address & KEY_MASK;

		if (here == key || here == nascent)
			return here == key ? 0 : 1;
		if (here)
			break;
		if (__sync_val_compare_and_swap(&r->address, address, address | nascent) != address)
			continue;
		*(volatile u64 *)&r->charge = w; /* nobody finds it before its charge is there */
		__sync_fetch_and_xor(&r->address, key ^ nascent);
		return 0;
	}
	if (bpf_map_lookup_elem(&overflow, &key))
		return 0;
	if (remember_crowded(r, key, w) == 0)
		return 0;
	return no_room(slot, resource, 0, UBC_REFUSE_OVER_BARRIER) ? -1 : 1;
}

/* The charge word of the socket's buffer, made at its first event. `refused` becomes 1 where there is no room for it. */
static __always_inline u64 *buffer_of(const struct sock *sk, enum object_kind kind, u32 resource, int *refused)
{
	u64 key = key_of(sk, kind);
	u64 *w = find_charge(key);
	int made;

	if (w)
		return w;
	made = make_buffer(key_of(sk, KIND_OBJECT), key, resource);
	*refused = made < 0;
	return made == 0 ? find_charge(key) : 0;
}

static __always_inline int is_tcp(const struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family;

	return sk->sk_protocol == IPPROTO_TCP_ && sk->sk_type == SOCK_STREAM_ && (family == AF_INET_ || family == AF_INET6_);
}

/* Up to where sleeping senders of this socket were let go. */
static __always_inline u64 promised_to(const struct sock *sk)
{
	u64 *w = *(volatile u64 *)&flights ? find_charge(key_of(sk, KIND_SEND_FLIGHTS)) : 0;
	u64 amount = w ? charge_amount(*w) : 0;

	return amount >> 32 ? (u32)amount : 0;
}

/* What the socket has, by the kernel's own counts. */
static __always_inline u64 bytes_of(const struct sock *sk, u32 resource)
{
	s64 bytes, floor = 0;

	if (resource == UBC_TCPSNDBUF) {
		bytes = sk->sk_wmem_queued;
		floor = promised_to(sk);
		if (sk->sk_write_pending && floor < sk->sk_sndbuf) /* they fill it to the brim as soon as there is room */
			floor = sk->sk_sndbuf;
	} else if (resource == UBC_OTHERSOCKBUF) {
		bytes = (s64)sk->sk_wmem_alloc.refs.counter - 1;
		floor = promised_to(sk);
	} else {
		bytes = sk->sk_backlog.rmem_alloc.counter;
		if (resource == UBC_DGRAMRCVBUF)
			bytes += sk->sk_forward_alloc;
		else if (sk->sk_backlog.head) /* passed the hook, waits for the call that has the socket */
			bytes += sk->sk_backlog.len;
	}
	if (bytes < floor)
		bytes = floor;
	return bytes > 0 ? bytes : 0;
}

static __always_inline u64 rewritten(u64 w, u64 amount)
{
	u64 rest = w & ((1ULL << UBC_CHARGE_AMOUNT_SHIFT) - 1);

	return amount << UBC_CHARGE_AMOUNT_SHIFT | (rest & ~WRITES_MASK) | ((rest + WRITES_ONE) & WRITES_MASK);
}

__noinline int shrink_share(u64 share_key, u64 bytes)
{
	u64 *w = find_charge(share_key);
	u64 taken;

	if (!w)
		return 0;
	taken = charge_amount(*w);
	if (taken > bytes)
		*(volatile u64 *)w = rewritten(*w, taken - bytes);
	else if (take_charge(share_key))
		__sync_fetch_and_add(&shares, -1);
	return 0;
}

/* What the word had, down to `has`. */
__noinline int shrink(u64 w, u64 has, u64 share_key)
{
	u64 less = charge_amount(w) - has;

	uncharge(charged_counter(w), less);
	if (*(volatile u64 *)&shares)
		shrink_share(share_key, less);
	return 0;
}

/* The counter first, where the amount grows: as soon as the word says so, another CPU may give all of it back. */
__noinline int charge_more(u64 w, u64 more)
{
	charge(charged_counter(w), more, UBC_NEVER_REFUSE);
	return 0;
}

/* Makes the charged amount what the socket has. `resource` is a constant for the compiler: the record has it as well. */
static __always_inline void true_up_buffer(const struct sock *sk, u64 *w, u32 resource)
{
	repeat(TRIES) {
		u64 old = *(volatile u64 *)w, had = charge_amount(old), has;

		asm volatile("" ::: "memory"); /* the charged amount first, then what the socket has */
		has = bytes_of(sk, resource);
		if (has > had)
			charge_more(old, has - had);
		if (__sync_val_compare_and_swap(w, old, rewritten(old, has)) == old) {
			if (has < had)
				shrink(old, has, key_of(sk, KIND_SEND_SHARE));
			return;
		}
		if (has > had)
			uncharge(charged_counter(old), has - had);
	}
}

static __always_inline void true_up_if_known(const struct sock *sk, enum object_kind kind, u32 resource)
{
	u64 *w = find_charge(key_of(sk, kind));

	if (w)
		true_up_buffer(sk, w, resource);
}

/* Above the barrier each socket is sure of a share of (limit - barrier) / the number of sockets that there may be: `taken` is what it would have
 * taken there. */
static __always_inline int is_in_share(const struct ubc_counter *c, const struct ubc_counter *sockets, u64 need, u64 taken)
{
	u64 barrier = c->barrier, limit = c->limit, number = sockets->limit ? sockets->limit : 1;

	return !is_over(c, need, UBC_REFUSE_OVER_BARRIER) || (limit > barrier && taken <= (limit - barrier) / number);
}

/* What a socket took above a barrier, its container's or the group's, is kept in its share record. 0: granted; else who refused. */
__noinline int grow_send(u64 w, u64 need, u64 share_key)
{
	u32 slot = charge_slot(w), resource = charge_resource(w);
	struct ubc_counter *c = charged_counter(w), *group = group_of(c);
	struct ubc_counter *sockets = counter_of(slot, resource == UBC_TCPSNDBUF ? UBC_NUMTCPSOCK : UBC_NUMOTHERSOCK);
	struct ubc_counter *all_sockets = group_of(sockets);
	u64 *share, taken;
	int refused;

	if (charge(c, need, UBC_REFUSE_OVER_BARRIER) == 0)
		return 0;
	share = find_charge(share_key);
	taken = (share ? charge_amount(*share) : 0) + need;
	if (!is_in_share(c, sockets, need, taken))
		return REFUSED;
	if (group && all_sockets && !is_in_share(group, all_sockets, need, taken))
		return REFUSED_BY_GROUP;
	refused = charge(c, need, UBC_REFUSE_OVER_LIMIT);
	if (refused)
		return refused;
	if (share) {
		*(volatile u64 *)share = rewritten(*share, taken);
	} else {
		__sync_fetch_and_add(&shares, 1);
		if (remember_in(bucket_of(share_key), share_key, pack_charge(slot, resource, taken, 0)))
			__sync_fetch_and_add(&shares, -1);
	}
	return 0;
}

/* Between barrier and limit no socket that has something queued takes what would leave the others without room for one segment each. */
static __always_inline int leaves_room(const struct ubc_counter *c, const struct ubc_counter *sockets, u64 need, u64 segment)
{
	u64 held = c->held + need, limit = c->limit;

	return limit >= UBC_UNLIMITED || held <= c->barrier ||
	       (held <= limit && sockets->limit <= (limit - held) / (segment ? segment : 1));
}

/* A datagram is dropped over the barrier; TCP input goes on to the limit. 0: granted; else who refused. */
__noinline int grow_receive(u64 w, u64 need, u64 queued, u64 segment)
{
	u32 slot = charge_slot(w);
	struct ubc_counter *c = charged_counter(w), *group = group_of(c), *sockets = counter_of(slot, UBC_NUMTCPSOCK);
	struct ubc_counter *all_sockets = group_of(sockets);
	int refused = charge(c, need, UBC_REFUSE_OVER_BARRIER);

	if (!refused || charge_resource(w) != UBC_TCPRCVBUF)
		return refused;
	if (queued && !leaves_room(c, sockets, need, segment))
		return REFUSED;
	if (queued && group && all_sockets && !leaves_room(group, all_sockets, need, segment))
		return REFUSED_BY_GROUP;
	return charge(c, need, UBC_REFUSE_OVER_LIMIT);
}

/* What one segment may bring: asked for only where the shares are. */
static __always_inline u64 segment_of(const struct sock *sk, u64 w, u64 need)
{
	return would_refuse(charged_counter(w), need, UBC_REFUSE_OVER_BARRIER) ? BPF_CORE_READ((const struct tcp_sock *)sk, advmss) : 0;
}

/* 0: granted `need` more than the charge word `w` has; else who refused. */
static __always_inline int grow(const struct sock *sk, u64 w, u32 resource, u64 need)
{
	if (resource == UBC_TCPSNDBUF || resource == UBC_OTHERSOCKBUF)
		return grow_send(w, need, key_of(sk, KIND_SEND_SHARE));
	return grow_receive(w, need, sk->sk_backlog.rmem_alloc.counter, resource == UBC_TCPRCVBUF ? segment_of(sk, w, need) : 0);
}

/* Raises the charged amount to what the socket has and `want` more. -1: refused, counted and told. */
static __always_inline int reserve_buffer(const struct sock *sk, u64 *w, u32 resource, u64 want)
{
	int sends = resource == UBC_TCPSNDBUF || resource == UBC_OTHERSOCKBUF;

	repeat(TRIES) {
		u64 old = *(volatile u64 *)w, had = charge_amount(old), has, need;
		int refused;

		asm volatile("" ::: "memory");
		has = bytes_of(sk, resource);
		need = has + want > had ? has + want - had : 0;
		refused = need ? grow(sk, old, resource, need) : 0;
		if (refused) {
			tell_refusal(charge_slot(old), resource, need, sends ? UBC_HOOK_SEND : UBC_HOOK_RECEIVE,
				     by(refused, resource == UBC_DGRAMRCVBUF ? UBC_REFUSE_OVER_BARRIER : UBC_REFUSE_OVER_LIMIT));
			return -1;
		}
		if (__sync_val_compare_and_swap(w, old, rewritten(old, has + want)) == old) {
			if (!need)
				shrink(old, has + want, key_of(sk, KIND_SEND_SHARE));
			return 0;
		}
		if (need)
			uncharge(charged_counter(old), need); /* another event came in between */
	}
	return 0;
}

#endif

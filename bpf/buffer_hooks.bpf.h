/* SPDX-License-Identifier: GPL-2.0 */
/* tcpsndbuf, tcprcvbuf, othersockbuf, dgramrcvbuf: a group of hooks of its own, attached when the first number is set on one of them.
 * A sender is refused with ENOBUFS: an EAGAIN would promise a wake-up that nobody sends. Input is dropped: TCP's peer sends it again. */
#include "bpf/send_flights.bpf.h"

/* Beyond its sndbuf the kernel lets a socket go by what it is filling just then. */
#define TCP_SEGMENT_BYTES (68 * 1024)
#define UNIX_CHUNK_BYTES (52 * 1024)
#define TCP_HEAD_BYTES 1536
#define FEW_BYTES 512 /* not worth a look at how they are cut */

SEC("lsm/sk_free_security")
int BPF_PROG(free_buffers, struct sock *sk)
{
	/* whosever it is by now: its uid may have changed, or the last adopted container been released. Twice: two CPUs that made a record at
	 * once can have made it in the table and in the overflow map */
	for (int i = 0; i < 2; i++) {
		forget_key(key_of(sk, KIND_SEND_BUFFER));
		forget_key(key_of(sk, KIND_RECEIVE_BUFFER));
		if (*(volatile u64 *)&shares && take_charge(key_of(sk, KIND_SEND_SHARE)))
			__sync_fetch_and_add(&shares, -1);
	}
	__sync_fetch_and_add(&flights, -(charge_amount(take_charge(key_of(sk, KIND_SEND_FLIGHTS))) >> 32));
	return 0;
}

/* Linear packets come from slabs of a power of two, larger ones have pages. The true-up after the call is exact. */
static __always_inline u64 packet_bytes(u64 size)
{
	return size <= 3700 ? size * 2 + 1024 : size + size / 8 + 8192;
}

/* A send is cut into packets of at most half the peer's largest window, in whole segments, each of which has a head: against tiny windows or
 * segments that is most of it. */
static __always_inline u64 tcp_bytes(struct sock *sk, u64 size)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	u64 packet, segment;

	if (size <= FEW_BYTES)
		return size + size / 8 + 4096;
	packet = BPF_CORE_READ(tcp, max_window) / 4;
	segment = BPF_CORE_READ(tcp, mss_cache);
	if (packet < segment)
		packet = segment;
	return size + size / 8 + 4096 + (packet ? size / packet * TCP_HEAD_BYTES : 0);
}

static __always_inline int reserve_tcp_send(struct sock *sk, struct msghdr *msg, u64 size)
{
	int refused = 0;
	u64 *w = buffer_of(sk, KIND_SEND_BUFFER, UBC_TCPSNDBUF, &refused);
	u64 want, now;
	s64 room;

	if (!w)
		return refused;
	now = bytes_of(sk, UBC_TCPSNDBUF);
	room = (s64)sk->sk_sndbuf - (s64)now;
	want = room > 0 ? tcp_bytes(sk, size) : 0; /* full: the kernel lets it wait */
	if (room > 0 && want > room + TCP_SEGMENT_BYTES)
		want = room + TCP_SEGMENT_BYTES;
	if (!want)
		true_up_buffer(sk, w, UBC_TCPSNDBUF);
	else if (reserve_buffer(sk, w, UBC_TCPSNDBUF, want))
		return -1;
	if (may_fly(msg, size))
		begin_flight(key_of(sk, KIND_OBJECT), key_of(sk, KIND_SEND_FLIGHTS), want ? now + want : sk->sk_sndbuf);
	return 0;
}

static __always_inline int reserve_other_send(struct sock *sk, struct msghdr *msg, u64 size)
{
	int refused = 0;
	u64 *w = buffer_of(sk, KIND_SEND_BUFFER, UBC_OTHERSOCKBUF, &refused);
	int family = sk->__sk_common.skc_family, inet = family == AF_INET_ || family == AF_INET6_;
	int counted_after = family == AF_UNIX_ || (inet && sk->sk_protocol == IPPROTO_UDP_);
	u64 want = packet_bytes(size), now;
	s64 most;

	if (!w)
		return refused;
	now = bytes_of(sk, UBC_OTHERSOCKBUF);
	most = (s64)sk->sk_sndbuf - (s64)now + UNIX_CHUNK_BYTES;
	if (family == AF_UNIX_ && want > most)
		want = most > 0 ? most : 0;
	if (want && reserve_buffer(sk, w, UBC_OTHERSOCKBUF, want))
		return -1;
	if (!want || !counted_after)
		true_up_buffer(sk, w, UBC_OTHERSOCKBUF);
	else if (may_fly(msg, size))
		begin_flight(key_of(sk, KIND_OBJECT), key_of(sk, KIND_SEND_FLIGHTS), now + want);
	return 0;
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(reserve_send, struct socket *sock, struct msghdr *msg, int size, int ret)
{
	struct sock *sk = sock->sk;
	int refused;

	if (ret || !sk || nobodys(sk))
		return ret;
	if (is_tcp(sk))
		refused = reserve_tcp_send(sk, msg, (u32)size);
	else if (sk->sk_protocol == IPPROTO_MPTCP_)
		return 0;
	else
		refused = reserve_other_send(sk, msg, (u32)size);
	return refused ? -ENOBUFS_ : 0;
}

SEC("fexit/tcp_sendmsg_locked")
int BPF_PROG(after_tcp_send, struct sock *sk, struct msghdr *msg, u64 size)
{
	if (nobodys(sk) || !is_tcp(sk)) /* MPTCP's come here as well */
		return 0;
	if (*(volatile u64 *)&flights && may_fly(msg, size))
		end_flight(key_of(sk, KIND_SEND_FLIGHTS));
	true_up_if_known(sk, KIND_SEND_BUFFER, UBC_TCPSNDBUF);
	return 0;
}

/* 6.1's sendfile, which no security hook sees. */
SEC("fexit/tcp_sendpage_locked")
int BPF_PROG(after_tcp_sendpage, struct sock *sk)
{
	int refused = 0;
	u64 *w = nobodys(sk) || !is_tcp(sk) ? 0 : buffer_of(sk, KIND_SEND_BUFFER, UBC_TCPSNDBUF, &refused);

	if (w)
		true_up_buffer(sk, w, UBC_TCPSNDBUF);
	return 0;
}

/* Packets were acknowledged, or read: by the page, so what a quiet connection is charged may be up to a page too much. */
SEC("fentry/__sk_mem_reduce_allocated")
int BPF_PROG(after_tcp_release, struct sock *sk)
{
	if (nobodys(sk) || !is_tcp(sk))
		return 0;
	true_up_if_known(sk, KIND_SEND_BUFFER, UBC_TCPSNDBUF);
	true_up_if_known(sk, KIND_RECEIVE_BUFFER, UBC_TCPRCVBUF);
	return 0;
}

static __always_inline int after_send(struct sock *sk, struct msghdr *msg, u64 size)
{
	if (!sk || nobodys(sk))
		return 0;
	if (*(volatile u64 *)&flights && may_fly(msg, size))
		end_flight(key_of(sk, KIND_SEND_FLIGHTS));
	true_up_if_known(sk, KIND_SEND_BUFFER, UBC_OTHERSOCKBUF);
	return 0;
}

SEC("fexit/unix_stream_sendmsg")
int BPF_PROG(after_unix_stream, struct socket *sock, struct msghdr *msg, u64 size)
{
	return after_send(sock->sk, msg, size);
}

SEC("fexit/unix_dgram_sendmsg")
int BPF_PROG(after_unix_dgram, struct socket *sock, struct msghdr *msg, u64 size)
{
	return after_send(sock->sk, msg, size);
}

SEC("fexit/udp_sendmsg")
int BPF_PROG(after_udp_send, struct sock *sk, struct msghdr *msg, u64 size)
{
	return after_send(sk, msg, size);
}

SEC("fexit/udpv6_sendmsg")
int BPF_PROG(after_udp6_send, struct sock *sk, struct msghdr *msg, u64 size)
{
	return after_send(sk, msg, size);
}

/* The receiver consumed a packet, or the device sent it. The socket may be gone by now: then so is its record, and it is not looked at. */
SEC("fexit/sock_wfree")
int BPF_PROG(after_consumed, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;

	if (sk && !nobodys(sk))
		true_up_if_known(sk, KIND_SEND_BUFFER, UBC_OTHERSOCKBUF);
	return 0;
}

/* A segment that carries data is longer than its header, whose length is in the thirteenth byte. */
static __always_inline int carries_data(struct sk_buff *skb)
{
	u8 offset = 0;

	if (skb->len > 60 || skb->len <= 20)
		return skb->len > 60;
	bpf_probe_read_kernel(&offset, 1, skb->data + 12);
	return skb->len > (offset >> 4) * 4;
}

static __always_inline int on_tcp_input(struct sock *sk, struct sk_buff *skb)
{
	int refused = 0;
	u64 *w;

	if (sk->__sk_common.skc_state == TCP_LISTEN_ || !carries_data(skb))
		return 0;
	w = buffer_of(sk, KIND_RECEIVE_BUFFER, UBC_TCPRCVBUF, &refused);
	return w ? reserve_buffer(sk, w, UBC_TCPRCVBUF, skb->truesize) : refused;
}

/* How much more the kernel will take for this packet; it takes pages. */
static __always_inline u64 receive_wants(struct sock *sk, struct sk_buff *skb)
{
	s64 missing = (s64)skb->truesize - sk->sk_forward_alloc;

	return missing <= 0 ? 0 : (missing + (1 << PAGE_SHIFT_) - 1) >> PAGE_SHIFT_ << PAGE_SHIFT_;
}

static __always_inline int on_datagram(struct sock *sk, struct sk_buff *skb)
{
	int refused = 0;
	u64 *w = buffer_of(sk, KIND_RECEIVE_BUFFER, UBC_DGRAMRCVBUF, &refused);
	u64 want;

	if (!w)
		return refused;
	want = sk->sk_backlog.rmem_alloc.counter > sk->sk_rcvbuf ? 0 : receive_wants(sk, skb); /* full: the kernel drops it */
	if (want)
		return reserve_buffer(sk, w, UBC_DGRAMRCVBUF, want);
	true_up_buffer(sk, w, UBC_DGRAMRCVBUF);
	return 0;
}

SEC("lsm/socket_sock_rcv_skb")
int BPF_PROG(charge_received, struct sock *sk, struct sk_buff *skb, int ret)
{
	u16 family = sk->__sk_common.skc_family;
	int refused;

	if (ret || nobodys(sk) || (family != AF_INET_ && family != AF_INET6_))
		return ret;
	refused = is_tcp(sk) ? on_tcp_input(sk, skb) : on_datagram(sk, skb);
	return refused ? -ENOMEM_ : 0;
}

SEC("fentry/skb_consume_udp")
int BPF_PROG(after_udp_receive, struct sock *sk)
{
	if (!nobodys(sk))
		true_up_if_known(sk, KIND_RECEIVE_BUFFER, UBC_DGRAMRCVBUF);
	return 0;
}

SEC("fexit/skb_free_datagram")
int BPF_PROG(after_raw_receive, struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family;

	if ((family == AF_INET_ || family == AF_INET6_) && !nobodys(sk))
		true_up_if_known(sk, KIND_RECEIVE_BUFFER, UBC_DGRAMRCVBUF);
	return 0;
}

/* Every open socket: those that were there before the hooks, and what skipped programs missed. */
SEC("iter/task_file")
int audit_buffers(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct socket *sock = file ? bpf_sock_from_file(file) : 0;
	struct sock *sk = sock ? sock->sk : 0;
	int refused = 0;
	u16 family;
	u64 *w;

	if (!sk || nobodys(sk))
		return 0;
	family = sk->__sk_common.skc_family;
	end_flights(key_of(sk, KIND_SEND_FLIGHTS));
	if (is_tcp(sk)) {
		w = buffer_of(sk, KIND_SEND_BUFFER, UBC_TCPSNDBUF, &refused);
		if (w)
			true_up_buffer(sk, w, UBC_TCPSNDBUF);
		w = buffer_of(sk, KIND_RECEIVE_BUFFER, UBC_TCPRCVBUF, &refused);
		if (w)
			true_up_buffer(sk, w, UBC_TCPRCVBUF);
		return 0;
	}
	w = buffer_of(sk, KIND_SEND_BUFFER, UBC_OTHERSOCKBUF, &refused);
	if (w)
		true_up_buffer(sk, w, UBC_OTHERSOCKBUF);
	if (family != AF_INET_ && family != AF_INET6_)
		return 0;
	w = buffer_of(sk, KIND_RECEIVE_BUFFER, UBC_DGRAMRCVBUF, &refused);
	if (w)
		true_up_buffer(sk, w, UBC_DGRAMRCVBUF);
	return 0;
}

/* Sends are reserved up to sndbuf, which the kernel enlarges by itself while a sender sleeps. In a container with a number on tcpsndbuf, its
 * own or its group's, it stays what it is told at the start, a sixteenth of the barrier for one socket, and the container's own SO_SNDBUF does nothing. These two are
 * attached to the containers' cgroup: an adopted container elsewhere goes without. */
#define LEAST_SNDBUF (16 * 1024)
#define MOST_SNDBUF (4 * 1024 * 1024)

static __always_inline u64 tcp_send_barrier(u32 slot)
{
	struct ubc_counter *c = counter_of(slot, UBC_TCPSNDBUF), *group = group_of(c);
	u64 own, all;

	if (!slot)
		return UBC_UNLIMITED;
	own = ceiling_of(c, UBC_REFUSE_OVER_BARRIER);
	all = group ? ceiling_of(group, UBC_REFUSE_OVER_BARRIER) : UBC_UNLIMITED;
	return own < all ? own : all;
}

SEC("sockops")
int lock_send_buffer(struct bpf_sock_ops *ops)
{
	struct tcp_sock *tcp;
	u64 *payer, barrier;
	int sndbuf;

	if (ops->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && ops->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		return 1;
	tcp = ops->sk ? bpf_skc_to_tcp_sock(ops->sk) : 0;
	payer = tcp ? find_charge(key_of(tcp, KIND_OBJECT)) : 0;
	barrier = payer ? tcp_send_barrier(charge_slot(*payer)) : UBC_UNLIMITED;
	if (barrier >= UBC_UNLIMITED)
		return 1;
	sndbuf = barrier / 32 < LEAST_SNDBUF ? LEAST_SNDBUF : barrier / 32 > MOST_SNDBUF ? MOST_SNDBUF : barrier / 32; /* it doubles it */
	bpf_setsockopt(ops, SOL_SOCKET_, SO_SNDBUF_, &sndbuf, sizeof(sndbuf));
	return 1;
}

SEC("cgroup/setsockopt")
int keep_send_buffer(struct bpf_sockopt *ctx)
{
	if (ctx->level != SOL_SOCKET_ || (ctx->optname != SO_SNDBUF_ && ctx->optname != SO_SNDBUFFORCE_))
		return 1;
	if (ctx->sk && ctx->sk->protocol == IPPROTO_TCP_ && tcp_send_barrier(slot_of_current()) < UBC_UNLIMITED)
		ctx->optlen = -1; /* done, says the kernel, and does nothing */
	return 1;
}

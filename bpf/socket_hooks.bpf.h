/* SPDX-License-Identifier: GPL-2.0 */
/* numtcpsock (PF_INET and PF_INET6 SOCK_STREAM) and numothersock (all others), from creation until the last reference to the sock is gone.
 * A TCP connection that is accepted is the listener's from the end of the handshake. */
#include "bpf/objects.bpf.h"

static __always_inline int on_socket_create(struct socket *sock, int family, int type, int kern)
{
	int tcp = (family == AF_INET_ || family == AF_INET6_) && type == SOCK_STREAM_;
	struct sock *sk = sock->sk;
	u32 slot;

	if (kern || !sk)
		return 0;
	slot = slot_of_current();
	if (!charge_object(sk, slot, tcp ? UBC_NUMTCPSOCK : UBC_NUMOTHERSOCK, 1, UBC_REFUSE_OVER_BARRIER, UBC_HOOK_SOCKET))
		return 0;
	forget_credit(bpf_get_current_task_btf()); /* this socket's inode was paid for with a file that will not come */
	return family == AF_UNIX_ || family == AF_NETLINK_ ? -ENOMEM_ : -ENOBUFS_; /* as OpenVZ's call sites had it */
}

SEC("lsm/socket_post_create")
int BPF_PROG(charge_socket, struct socket *sock, int family, int type, int protocol, int kern, int ret)
{
	return ret ? ret : on_socket_create(sock, family, type, kern);
}

SEC("fmod_ret/security_socket_post_create")
int BPF_PROG(charge_socket_fmod, struct socket *sock, int family, int type, int protocol, int kern, int ret)
{
	return ret ? ret : on_socket_create(sock, family, type, kern);
}

/* The server's end of a UNIX stream is made, and paid for, by the task that connects. */
static __always_inline int on_unix_connect(struct sock *newsk)
{
	u32 slot = slot_of_current();

	return charge_object(newsk, slot, UBC_NUMOTHERSOCK, 1, UBC_REFUSE_OVER_BARRIER, UBC_HOOK_UNIX_CONNECT) ? -ENOMEM_ : 0;
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(charge_unix_accept, struct sock *sock, struct sock *other, struct sock *newsk, int ret)
{
	return ret ? ret : on_unix_connect(newsk);
}

SEC("fmod_ret/security_unix_stream_connect")
int BPF_PROG(charge_unix_accept_fmod, struct sock *sock, struct sock *other, struct sock *newsk, int ret)
{
	return ret ? ret : on_unix_connect(newsk);
}

/* A full container's listener hears nothing: the SYN, or the ACK that would complete the handshake, is dropped, and the peer sends it again. */
static __always_inline int on_listener_packet(struct sock *sk)
{
	int refused;
	u64 *w;

	if (sk->__sk_common.skc_state != TCP_LISTEN_)
		return 0;
	w = find_charge(key_of(sk, KIND_OBJECT));
	if (!w || charge_resource(*w) != UBC_NUMTCPSOCK)
		return 0;
	refused = would_refuse(charged_counter(*w), 1, UBC_REFUSE_OVER_BARRIER);
	if (!refused)
		return 0;
	tell_refusal(charge_slot(*w), UBC_NUMTCPSOCK, 1, UBC_HOOK_TCP_ACCEPT, by(refused, UBC_REFUSE_OVER_BARRIER));
	return -ENOMEM_;
}

SEC("lsm/socket_sock_rcv_skb")
int BPF_PROG(refuse_handshake, struct sock *sk, struct sk_buff *skb, int ret)
{
	return ret ? ret : on_listener_packet(sk);
}

SEC("fmod_ret/security_sock_rcv_skb")
int BPF_PROG(refuse_handshake_fmod, struct sock *sk, struct sk_buff *skb, int ret)
{
	return ret ? ret : on_listener_packet(sk);
}

/* The handshake is done. Two that finish at once at the barrier both pass the check above: at most one a CPU is over, and counted as such. */
static __always_inline int on_sk_clone(const struct sock *sk, struct sock *newsk)
{
	u64 *listener = find_charge(key_of(sk, KIND_OBJECT));
	u64 w;

	if (!listener)
		return 0;
	w = *listener;
	if (would_refuse(charged_counter(w), 1, UBC_REFUSE_OVER_BARRIER))
		count_loss(UBC_LOSS_ACCEPT_OVER);
	charge_object(newsk, charge_slot(w), charge_resource(w), 1, UBC_NEVER_REFUSE, UBC_HOOK_TCP_ACCEPT);
	return 0;
}

SEC("lsm/sk_clone_security")
int BPF_PROG(charge_accepted, const struct sock *sk, struct sock *newsk)
{
	return on_sk_clone(sk, newsk);
}

SEC("fentry/security_sk_clone")
int BPF_PROG(charge_accepted_fentry, const struct sock *sk, struct sock *newsk)
{
	return on_sk_clone(sk, newsk);
}

SEC("lsm/sk_free_security")
int BPF_PROG(free_socket, struct sock *sk)
{
	forget_object(sk);
	return 0;
}

SEC("fentry/security_sk_free")
int BPF_PROG(free_socket_fentry, struct sock *sk)
{
	forget_object(sk);
	return 0;
}

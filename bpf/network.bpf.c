// SPDX-License-Identifier: GPL-2.0
/* Judges each packet at the host's end of a guest's link (tc, direct action): a guest sends from its own addresses, to whom the host's policy
 * lets it, and as fast as it may. Nothing that guest root does in its own network namespace comes before this, raw sockets included. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/network_abi.h"

#define ADDRESS_FAMILY_4 2
#define ADDRESS_FAMILY_6 10
#define SECOND_NS 1000000000ULL
/* What may pass at once: a tenth of a second's worth, and always some of the largest packets that segmentation offload makes. */
#define BURST_NS (SECOND_NS / 10)
#define BURST_BYTES (256 << 10)
#define DHCP_SERVER_PORT 67
#define DHCPV6_SERVER_PORT 547
#define MAX_EXTENSIONS 4
#define ICMPV6_FIRST_NEIGHBOUR 133 /* router solicitation and advertisement, neighbour likewise, redirect */
#define ICMPV6_ROUTER_ADVERTISEMENT 134
#define ICMPV6_LAST_NEIGHBOUR 137

/* Whose is an address? Made when a guest gets it, so not preallocated: most hosts use few. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, UBC_MAX_ADDRESSES);
	__type(key, struct ubc_address);
	__type(value, struct ubc_address_owner);
} addresses SEC(".maps");

/* By the index of the host's end, which the kernel gives to no other device until the numbers wrap. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, UBC_MAX_LINKS);
	__type(key, ubc_u32);
	__type(value, struct ubc_link);
} links SEC(".maps");

/* One: ubc.conf's. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, ubc_u32);
	__type(value, struct ubc_network_policy);
} policy SEC(".maps");

struct packet {
	struct ubc_address from, to;
	ubc_u32 family;
	ubc_u32 transport;      /* offset from the network header */
	ubc_u8 protocol;
	bool later_fragment;    /* has no transport header, and is nothing without the first */
};

struct ports {
	__be16 from, to;
};

static __always_inline int load(struct __sk_buff *skb, ubc_u32 offset, void *into, ubc_u32 length)
{
	return bpf_skb_load_bytes_relative(skb, offset, into, length, BPF_HDR_START_NET);
}

static __always_inline void map_address(struct ubc_address *into, __be32 address)
{
	__builtin_memset(into, 0, 10);
	into->bytes[10] = into->bytes[11] = 0xff;
	__builtin_memcpy(into->bytes + 12, &address, 4);
}

static __always_inline bool is_extension(ubc_u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING || protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_FRAGMENT;
}

/* To the transport header: a guest must not hide behind a few extensions what it may not send (RFC 7113). False where that does not end. */
static __always_inline bool skip_extensions(struct __sk_buff *skb, struct packet *p)
{
	for (int i = 0; i < MAX_EXTENSIONS && is_extension(p->protocol); i++) {
		ubc_u8 start[4];

		if (load(skb, p->transport, start, sizeof(start)))
			return false;
		if (p->protocol == IPPROTO_FRAGMENT)
			p->later_fragment = start[2] != 0 || (start[3] & 0xf8) != 0;
		p->transport += p->protocol == IPPROTO_FRAGMENT ? 8 : (start[1] + 1) * 8;
		p->protocol = start[0];
		if (p->later_fragment)
			return true;
	}
	return !is_extension(p->protocol);
}

static __always_inline bool read_packet(struct __sk_buff *skb, struct packet *p)
{
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr ip;

		if (load(skb, 0, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
			return false;
		map_address(&p->from, ip.saddr);
		map_address(&p->to, ip.daddr);
		p->family = ADDRESS_FAMILY_4;
		p->protocol = ip.protocol;
		p->transport = ip.ihl * 4;
		p->later_fragment = (ip.frag_off & bpf_htons(0x1fff)) != 0;
		return true;
	}
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr ip;

		if (load(skb, 0, &ip, sizeof(ip)) || ip.version != 6)
			return false;
		__builtin_memcpy(&p->from, &ip.saddr, sizeof(p->from));
		__builtin_memcpy(&p->to, &ip.daddr, sizeof(p->to));
		p->family = ADDRESS_FAMILY_6;
		p->protocol = ip.nexthdr;
		p->transport = sizeof(ip);
		return skip_extensions(skb, p);
	}
	return false;
}

/* 0.0.0.0, ::, fe80::/10: what a stack sends before it has an address, or among neighbours. */
static __always_inline bool is_chatter(const struct packet *p)
{
	const ubc_u8 *from = p->from.bytes;

	if (p->family == ADDRESS_FAMILY_4)
		return !from[12] && !from[13] && !from[14] && !from[15];
	if (from[0] == 0xfe && (from[1] & 0xc0) == 0x80)
		return true;
	for (int i = 0; i < 16; i++)
		if (from[i])
			return false;
	return true;
}

/* 169.254.0.0/16: never routed, and where clouds keep a host's credentials; fe80::/10 likewise. */
static __always_inline bool is_to_link(const struct packet *p)
{
	const ubc_u8 *to = p->to.bytes;

	return p->family == ADDRESS_FAMILY_4 ? to[12] == 169 && to[13] == 254 : to[0] == 0xfe && (to[1] & 0xc0) == 0x80;
}

/* Whatever would not be forwarded: the host's own addresses, multicast, what it has no route to. */
static __always_inline bool is_to_host(struct __sk_buff *skb, const struct packet *p)
{
	struct bpf_fib_lookup way = {};
	long answer;

	way.family = p->family;
	way.ifindex = skb->ifindex;
	if (p->family == ADDRESS_FAMILY_4) {
		__builtin_memcpy(&way.ipv4_src, p->from.bytes + 12, 4);
		__builtin_memcpy(&way.ipv4_dst, p->to.bytes + 12, 4);
	} else {
		__builtin_memcpy(way.ipv6_src, p->from.bytes, 16);
		__builtin_memcpy(way.ipv6_dst, p->to.bytes, 16);
	}
	answer = bpf_fib_lookup(skb, &way, sizeof(way), 0);
	return answer < 0 || answer == BPF_FIB_LKUP_RET_NOT_FWDED || answer == BPF_FIB_LKUP_RET_FWD_DISABLED;
}

/* Both of the host's sockets that are connected to one of the guest's: the host has begun, or has accepted. */
static __always_inline bool answers_tcp(struct __sk_buff *skb, struct bpf_sock_tuple *tuple, ubc_u32 size)
{
	struct bpf_sock *socket = bpf_skc_lookup_tcp(skb, tuple, size, BPF_F_CURRENT_NETNS, 0);
	bool answers;

	if (!socket)
		return false;
	answers = socket->state != BPF_TCP_LISTEN;
	bpf_sk_release(socket);
	return answers;
}

static __always_inline bool answers_udp(struct __sk_buff *skb, struct bpf_sock_tuple *tuple, ubc_u32 size)
{
	struct bpf_sock *socket = bpf_sk_lookup_udp(skb, tuple, size, BPF_F_CURRENT_NETNS, 0);
	bool answers;

	if (!socket)
		return false;
	answers = socket->dst_port != 0;
	bpf_sk_release(socket);
	return answers;
}

static __always_inline bool is_answer(struct __sk_buff *skb, const struct packet *p)
{
	struct bpf_sock_tuple tuple = {};
	struct ports ports;
	ubc_u32 size;

	if (p->later_fragment || p->protocol == IPPROTO_ICMP || p->protocol == IPPROTO_ICMPV6)
		return true;
	if ((p->protocol != IPPROTO_TCP && p->protocol != IPPROTO_UDP) || load(skb, p->transport, &ports, sizeof(ports)))
		return false;
	if (p->family == ADDRESS_FAMILY_4) {
		__builtin_memcpy(&tuple.ipv4.saddr, p->from.bytes + 12, 4);
		__builtin_memcpy(&tuple.ipv4.daddr, p->to.bytes + 12, 4);
		tuple.ipv4.sport = ports.from;
		tuple.ipv4.dport = ports.to;
		size = sizeof(tuple.ipv4);
	} else {
		__builtin_memcpy(tuple.ipv6.saddr, p->from.bytes, 16);
		__builtin_memcpy(tuple.ipv6.daddr, p->to.bytes, 16);
		tuple.ipv6.sport = ports.from;
		tuple.ipv6.dport = ports.to;
		size = sizeof(tuple.ipv6);
	}
	return p->protocol == IPPROTO_TCP ? answers_tcp(skb, &tuple, size) : answers_udp(skb, &tuple, size);
}

static __always_inline enum ubc_packet_refusal judge_target(struct __sk_buff *skb, const struct packet *p)
{
	const ubc_u32 zero = 0;
	const struct ubc_network_policy *rules = bpf_map_lookup_elem(&policy, &zero);

	if (!rules || is_to_link(p))
		return UBC_PACKET_DENIED;
	if (bpf_map_lookup_elem(&addresses, &p->to))
		return rules->guest_to_guest ? UBC_PACKET_PASSES : UBC_PACKET_DENIED;
	if (!rules->guest_to_host && is_to_host(skb, p) && !is_answer(skb, p))
		return UBC_PACKET_DENIED;
	return UBC_PACKET_PASSES;
}

static __always_inline enum ubc_packet_refusal judge_routed(struct __sk_buff *skb)
{
	const struct ubc_address_owner *owner;
	struct packet p = {};
	ubc_u8 type;

	if (skb->vlan_present || !read_packet(skb, &p) || is_chatter(&p))
		return UBC_PACKET_CHATTER;
	owner = bpf_map_lookup_elem(&addresses, &p.from);
	if (!owner || owner->ifindex != skb->ifindex)
		return UBC_PACKET_SPOOFED;
	if (p.protocol == IPPROTO_ICMPV6 && !load(skb, p.transport, &type, 1) && type >= ICMPV6_FIRST_NEIGHBOUR && type <= ICMPV6_LAST_NEIGHBOUR)
		return UBC_PACKET_CHATTER;
	return judge_target(skb, &p);
}

static __always_inline bool has_other_mac(struct __sk_buff *skb, ubc_u32 offset, const struct ubc_link *link)
{
	ubc_u8 mac[6];

	if (bpf_skb_load_bytes(skb, offset, mac, sizeof(mac)))
		return true;
	for (int i = 0; i < 6; i++)
		if (mac[i] != link->mac[i])
			return true;
	return false;
}

/* Its neighbours on the bridge are told who it is, and served, by others. */
static __always_inline enum ubc_packet_refusal judge_bridged(struct __sk_buff *skb, const struct ubc_link *link)
{
	struct packet p = {};
	struct ports ports;
	ubc_u8 type;

	if (skb->vlan_present || skb->protocol == bpf_htons(ETH_P_8021Q) || skb->protocol == bpf_htons(ETH_P_8021AD))
		return UBC_PACKET_SPOOFED;   /* into a network that the bridge keeps apart */
	if (!link->any_mac && has_other_mac(skb, ETH_ALEN, link))
		return UBC_PACKET_SPOOFED;
	if (!link->any_mac && skb->protocol == bpf_htons(ETH_P_ARP) && has_other_mac(skb, ETH_HLEN + 8, link))
		return UBC_PACKET_SPOOFED;
	if (skb->protocol != bpf_htons(ETH_P_IP) && skb->protocol != bpf_htons(ETH_P_IPV6))
		return UBC_PACKET_PASSES;
	if (!read_packet(skb, &p))
		return UBC_PACKET_DENIED;
	if (p.later_fragment)
		return UBC_PACKET_PASSES;
	if (p.protocol == IPPROTO_UDP && !load(skb, p.transport, &ports, sizeof(ports)) &&
	    ports.from == bpf_htons(p.family == ADDRESS_FAMILY_4 ? DHCP_SERVER_PORT : DHCPV6_SERVER_PORT))
		return UBC_PACKET_DENIED;
	if (p.protocol == IPPROTO_ICMPV6 && !load(skb, p.transport, &type, 1) && type == ICMPV6_ROUTER_ADVERTISEMENT)
		return UBC_PACKET_DENIED;
	return UBC_PACKET_PASSES;
}

/* Each packet moves `due` on by the time that it takes at that rate; what would put it further ahead of now than the burst is too much. */
static __always_inline bool is_over(ubc_u64 *due, ubc_u64 rate, ubc_u32 length)
{
	ubc_u64 now, cost, burst;

	if (!rate)
		return false;
	now = bpf_ktime_get_ns();
	cost = length * SECOND_NS / rate;
	burst = BURST_BYTES * SECOND_NS / rate;
	if (burst < BURST_NS)
		burst = BURST_NS;
	for (int tries = 0; tries < 4; tries++) {
		const ubc_u64 old = *(volatile ubc_u64 *)due;
		const ubc_u64 next = (old > now ? old : now) + cost;

		if (next - now > burst)
			return true;
		if (__sync_val_compare_and_swap(due, old, next) == old)
			return false;
	}
	return true;   /* others have just sent four times */
}

static __always_inline int end(struct ubc_link *link, enum ubc_packet_refusal why)
{
	if (why == UBC_PACKET_PASSES)
		return TC_ACT_UNSPEC;   /* to the admin's own filters */
	if (why < UBC_PACKET_REFUSALS)
		__sync_fetch_and_add(&link->refused[why], 1);
	return TC_ACT_SHOT;
}

SEC("tc")
int from_guest(struct __sk_buff *skb)
{
	const ubc_u32 ifindex = skb->ifindex;
	struct ubc_link *link = bpf_map_lookup_elem(&links, &ifindex);
	enum ubc_packet_refusal why;

	if (!link)
		return TC_ACT_SHOT;   /* not a guest's yet, or no more */
	why = link->kind == UBC_LINK_ROUTED ? judge_routed(skb) : judge_bridged(skb, link);
	if (why == UBC_PACKET_PASSES && is_over(&link->send_due, link->send_rate, skb->len))
		why = UBC_PACKET_OVER_RATE;
	return end(link, why);
}

SEC("tc")
int to_guest(struct __sk_buff *skb)
{
	const ubc_u32 ifindex = skb->ifindex;
	struct ubc_link *link = bpf_map_lookup_elem(&links, &ifindex);

	if (!link)
		return TC_ACT_UNSPEC;
	return end(link, is_over(&link->receive_due, link->receive_rate, skb->len) ? UBC_PACKET_OVER_RATE : UBC_PACKET_PASSES);
}

char _license[] SEC("license") = "GPL";

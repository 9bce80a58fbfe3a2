/* SPDX-License-Identifier: GPL-2.0 */
/* numiptent: rules of nftables, and entries of the older tables that a setsockopt() replaces. One record for each network namespace, whose amount
 * follows the rules in it: a rule is charged once the kernel has taken it, and given back when it is freed, or with its namespace. Refused before
 * that: a message of nftables by the rules that are in it, a replaced table by the number of its entries. The programs lie in modules, so they are a
 * group: attached with the first number on numiptent. */
#include "bpf/call.bpf.h"
#include "bpf/memcg.bpf.h"
#include "bpf/objects.bpf.h"

enum { NETLINK_NETFILTER_ = 12, NEWRULE = 10 << 8 | 6, SOL_IP_ = 0, SOL_IPV6_ = 41, SET_REPLACE = 64, ARPT_SET_REPLACE = 96 };
/* Where struct ipt_replace, and ip6t_replace, and arpt_replace have num_entries and num_counters. */
enum { ENTRIES_AT = 36, COUNTERS_AT = 84, ARP_COUNTERS_AT = 68 };
enum { HEADER_BYTES = 16, MESSAGES_AT_MOST = 1 << 16 };

/* Tasks inside nf_tables_newrule(): a rule that is freed there has never been one. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u64);
} rule_makers SEC(".maps");

static __always_inline u64 this_task(void)
{
	return (u64)bpf_get_current_task_btf();
}

/* Whose namespace made it, by its owner; of an adopted container, whoever acts on it first. */
static __always_inline u32 slot_of_net(const struct net *net)
{
	u32 slot = slot_of_uid(BPF_CORE_READ(net, user_ns, owner.val));

	return slot ? slot : slot_of_current_cgroup();
}

/* The rules of a namespace become `change` more, or fewer: never refused, since the kernel has them. */
static __always_inline void change_rules(const struct net *net, s64 change)
{
	u64 key = key_of_number((u64)net, KIND_OBJECT);
	u64 *w = find_charge(key);
	u32 slot;

	if (!w) {
		slot = slot_of_net(net);
		if (slot && change > 0)
			charge_key(key, slot, UBC_NUMIPTENT, change, UBC_NEVER_REFUSE, UBC_HOOK_RULE);
		return;
	}
	repeat(CAS_TRIES) {
		u64 old = *(volatile u64 *)w;
		s64 has = charge_amount(old) + change;

		if (rewrite_amount(w, old, has > 0 ? has : 0))
			return;
	}
}

SEC("fentry/nf_tables_newrule")
int BPF_PROG(begin_rule)
{
	u64 task = this_task(), here = 1;

	bpf_map_update_elem(&rule_makers, &task, &here, BPF_ANY);
	return 0;
}

SEC("fexit/nf_tables_newrule")
int BPF_PROG(after_rule, struct sk_buff *skb, const struct nfnl_info *info, const void *attributes, int ret)
{
	u64 task = this_task();

	bpf_map_delete_elem(&rule_makers, &task);
	if (ret == 0)
		change_rules(BPF_CORE_READ(info, net), 1);
	return 0;
}

SEC("fentry/nf_tables_rule_destroy")
int BPF_PROG(free_rule, const struct nft_ctx *where)
{
	u64 task = this_task();

	if (!bpf_map_lookup_elem(&rule_makers, &task))
		change_rules(BPF_CORE_READ(where, net), -1);
	return 0;
}

/* ip_tables and its kind: all entries of a table at once. */
SEC("fexit/xt_replace_table")
int BPF_PROG(after_table, const void *table, unsigned int counters, const struct xt_table_info *now, int *error, const struct xt_table_info *before)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (before)
		change_rules(BPF_CORE_READ(task, nsproxy, net_ns), (s64)BPF_CORE_READ(now, number) - (s64)BPF_CORE_READ(before, number));
	return 0;
}

/* The last one has left the namespace: its rules go unseen. */
SEC("fentry/__put_net")
int BPF_PROG(free_net, struct net *net)
{
	forget_object(net);
	return 0;
}

struct message_walk {
	const unsigned char *at;
	u32 left, rules;
};

static long count_message(u32 index, void *context)
{
	struct message_walk *walk = context;
	struct { u32 len; u16 type; } header = {};
	u32 step;

	if (walk->left < HEADER_BYTES || bpf_probe_read_kernel(&header, sizeof(header), walk->at))
		return 1;
	if (header.len < HEADER_BYTES || header.len > walk->left)
		return 1;
	if (header.type == NEWRULE)
		walk->rules++;
	step = (header.len + 3) & ~3U;
	walk->left = step < walk->left ? walk->left - step : 0;
	walk->at += step;
	return 0;
}

/* Growth obeys the limit, as OpenVZ's did. */
static __always_inline int gate_rules(u32 slot, u64 rules)
{
	int refused = rules ? would_refuse(counter_of(slot, UBC_NUMIPTENT), rules, UBC_REFUSE_OVER_LIMIT) : 0;

	if (!refused)
		return 0;
	tell_refusal(slot, UBC_NUMIPTENT, rules, UBC_HOOK_RULE, by(refused, UBC_REFUSE_OVER_LIMIT));
	return -ENOMEM_;
}

/* The kernel's own copy of the message: what is counted here is what it will read. */
SEC("lsm/netlink_send")
int BPF_PROG(gate_rule_message, struct sock *sk, struct sk_buff *skb, int ret)
{
	struct message_walk walk = {};
	u32 slot;

	if (ret || sk->sk_protocol != NETLINK_NETFILTER_)
		return ret;
	slot = slot_of_current();
	if (!slot || !is_limited(slot, UBC_NUMIPTENT))
		return 0;
	walk.at = skb->data;
	walk.left = skb->len;
	bpf_loop(MESSAGES_AT_MOST, count_message, &walk, 0);
	return gate_rules(slot, walk.rules);
}

static __always_inline int read_user(u64 address, u32 *number)
{
	return bpf_probe_read_user(number, sizeof(*number), (void *)address);
}

/* What one table grows by, as the caller's memory says at this moment. The kernel checks that num_counters is what the table has now. */
SEC("lsm/socket_setsockopt")
int BPF_PROG(gate_table, struct socket *sock, int level, int option, int ret)
{
	struct task_struct *task;
	struct call call;
	u32 slot, entries = 0, now = 0;
	u64 replace;

	if (ret || (level != SOL_IP_ && level != SOL_IPV6_) || (option != SET_REPLACE && option != ARPT_SET_REPLACE))
		return ret;
	slot = slot_of_current();
	if (!slot || !is_limited(slot, UBC_NUMIPTENT))
		return 0;
	task = bpf_get_current_task_btf();
	read_call(&call, task);
	replace = fourth_argument(&call);
	if (read_user(replace + ENTRIES_AT, &entries) ||
	    read_user(replace + (option == ARPT_SET_REPLACE ? ARP_COUNTERS_AT : COUNTERS_AT), &now))
		return -ENOMEM_;
	return entries > now ? gate_rules(slot, entries - now) : 0;
}

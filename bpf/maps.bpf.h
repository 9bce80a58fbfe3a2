/* SPDX-License-Identifier: GPL-2.0 */
/* What is kept in the kernel: the ledger, the object table, and the few words that steer the hooks. All are pinned by name. */
#ifndef UBC_MAPS_BPF_H
#define UBC_MAPS_BPF_H

#include "bpf/ubc_abi.h"

/* A container's slot is its index. Global data, so that its address is an immediate in the code: no look-up, and no branch for one that
 * fails. Mmapable as all global data is: userspace reads counters and turns limits without a system call. Hooks write held, maxheld and
 * failcnt; userspace writes barrier and limit. Nothing but the ledger and the objects may be in .bss: it is cut to size before load. */
struct ubc_beancounter ledger[UBC_MAX_SLOTS];

/* Objects whose record in the direct-mapped table was taken. Preallocated: an insert must not fail under memory pressure. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, u64);
} overflow SEC(".maps");

/* Cgroups of adopted containers, direct-mapped by the low bits of the cgroup's id: 10 to 26 instructions instead of a hash's 140. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UBC_CGROUP_SLOTS);
	__type(key, u32);
	__type(value, u64);
} cgroups SEC(".maps");

/* Those whose place in that table was taken: id -> slot. Preallocated, since a cgroup is made with interrupts off. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UBC_CGROUPS_ASIDE);
	__type(key, u64);
	__type(value, u64);
} cgroups_aside SEC(".maps");

/* A map of one value, mmapable as all global data is: read without a look-up. */
struct ubc_settings settings SEC(".data.settings");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct ubc_health);
} health SEC(".maps");

/* Who was refused what, last: written on the way out of a refusal only. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UBC_MAX_SLOTS);
	__type(key, u32);
	__type(value, struct ubc_last_refusals);
} last_refusals SEC(".maps");

/* A ring in an array rather than a ring buffer: any number of readers, none of which can lose another's events, and what was written
 * before a reader came is there. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct ubc_refusal_log);
} refusal_log SEC(".maps");

/* Cgroups that found no room in the cgroup map: while there are none, nobody looks at ancestors. */
ubc_u64 cgroups_lost SEC(".data.marks");

const volatile ubc_u32 uid_base = 0x10000000;  /* slot n owns uids [uid_base + n * 65536, + 65536) */

/* A bounded loop, kept one in the code: the verifier walks it, the instruction cache does not. */
#define repeat(tries) _Pragma("clang loop unroll(disable)") for (int i = 0; i < (tries); i++)

static __always_inline void count_loss(enum ubc_loss loss)
{
	u32 zero = 0;
	struct ubc_health *h = bpf_map_lookup_elem(&health, &zero);

	if (h)
		__sync_fetch_and_add(&h->losses[loss], 1);
}

#endif

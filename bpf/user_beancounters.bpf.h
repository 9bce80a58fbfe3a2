/* SPDX-License-Identifier: GPL-2.0 */
/* OpenVZ's table, as text, with nobody of ours running: two pinned iterators that `cat` reads. One walks the containers, for the host; the
 * other prints the reader's own, for a guest. */
#ifndef UBC_USER_BEANCOUNTERS_BPF_H
#define UBC_USER_BEANCOUNTERS_BPF_H

#include "bpf/charge.bpf.h"
#include "bpf/identity.bpf.h"
#include "bpf/memcg.bpf.h"

#define CLASSIC_ROWS 24

/* As accounting/resource.h has them, written before load; an empty one is a dummy row. */
const volatile char resource_names[UBC_RESOURCES][UBC_RESOURCE_NAME];

extern struct cgroup *bpf_cgroup_from_id(u64 id) __ksym __weak;   /* since 6.2 */
extern void bpf_cgroup_release(struct cgroup *cgroup) __ksym __weak;

/* What the memory controller counts; 0 where it cannot be seen. */
struct memory_now {
	u64 pages, peak_pages, max_hits;
	struct kernel_memory kernel;
};

static __always_inline void look_at_memory(const void *cgroup, struct memory_now *now)
{
	const void *memcg = memcg_of(cgroup);

	if (!memcg)
		return;
	now->pages = read_word(memcg, bpf_core_field_offset(struct mem_cgroup, memory.usage));
	now->peak_pages = read_word(memcg, bpf_core_field_offset(struct mem_cgroup, memory.watermark));
	now->max_hits = read_word(memcg, bpf_core_field_offset(struct mem_cgroup, memory_events) +
						   8 * bpf_core_enum_value(enum memcg_memory_event, MEMCG_MAX));
	now->kernel = kernel_memory_of(memcg);
}

static __always_inline u64 larger(u64 a, u64 b)
{
	return a > b ? a : b;
}

/* The ledger's numbers; those that the memory controller keeps, from it where it could be seen. */
static __always_inline void print_row(struct seq_file *seq, u32 slot, u32 row, const struct memory_now *now)
{
	const volatile struct ubc_counter *c = counter_of(slot, row);
	const char *name = (const char *)resource_names[row];
	u64 held = c->held, maxheld = c->maxheld, failcnt = c->failcnt;

	if (row == UBC_PHYSPAGES && now->pages) {
		held = now->pages;
		maxheld = larger(maxheld, now->peak_pages);
		failcnt = larger(failcnt, now->max_hits);
	}
	if (row == UBC_KMEMSIZE && now->kernel.kept_bytes)
		held = now->kernel.kept_bytes;
	if (row == UBC_DCACHESIZE && now->kernel.cached_bytes)
		held = now->kernel.cached_bytes;
	maxheld = larger(maxheld, held);
	if (!*(const volatile char *)name) {   /* dummy: no numbers, ever */
		BPF_SEQ_PRINTF(seq, "%-12s %20llu %20llu %20llu %20llu %20llu\n", "dummy", 0ULL, 0ULL, UBC_UNLIMITED, UBC_UNLIMITED, 0ULL);
		return;
	}
	BPF_SEQ_PRINTF(seq, "%-12s %20llu %20llu %20llu %20llu %20llu\n", name, held, maxheld, c->barrier, c->limit, failcnt);
}

static __always_inline void print_header(struct seq_file *seq)
{
	BPF_SEQ_PRINTF(seq, "Version: 2.5\n       uid  %-12s %20s %20s %20s %20s %20s\n", "resource", "held", "maxheld", "barrier", "limit",
		       "failcnt");
}

static __always_inline void print_container(struct seq_file *seq, u32 slot, u32 id, const struct memory_now *now)
{
	repeat(CLASSIC_ROWS) {
		if (i == 0)
			BPF_SEQ_PRINTF(seq, "%9u:  ", id);
		else
			BPF_SEQ_PRINTF(seq, "            ");
		print_row(seq, slot, i, now);
	}
}

SEC("iter/bpf_map_elem")
int print_all(struct bpf_iter__bpf_map_elem *ctx)
{
	const struct ubc_container *container = ctx->value;
	const u32 *slot = ctx->key;
	struct memory_now now = {};
	struct cgroup *cgroup;

	if (ctx->meta->seq_num == 0)
		print_header(ctx->meta->seq);
	if (!container || !slot || !container->id)
		return 0;
	if (&bpf_cgroup_from_id) {
		cgroup = bpf_cgroup_from_id(container->cgroup_id);
		if (cgroup) {
			look_at_memory(cgroup, &now);
			bpf_cgroup_release(cgroup);
		}
	}
	print_container(ctx->meta->seq, *slot, container->id, &now);
	return 0;
}

/* Runs once: over a map of one element. */
SEC("iter/bpf_map_elem")
int print_own(struct bpf_iter__bpf_map_elem *ctx)
{
	struct memory_now now = {};
	struct ubc_container *container;
	const struct cgroup *cgroup;
	u32 slot;

	if (!ctx->value)
		return 0;
	print_header(ctx->meta->seq);
	slot = slot_of_current();
	container = slot ? bpf_map_lookup_elem(&containers, &slot) : 0;
	if (!container)
		return 0;
	cgroup = own_cgroup(container->cgroup_id);
	if (cgroup)
		look_at_memory(cgroup, &now);
	print_container(ctx->meta->seq, slot, container->id, &now);
	return 0;
}

#endif

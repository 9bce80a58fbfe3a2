/* SPDX-License-Identifier: GPL-2.0 */
/* What the memory controller knows of a container, read where it keeps it. */
#ifndef UBC_MEMCG_BPF_H
#define UBC_MEMCG_BPF_H

#include "bpf/identity.bpf.h"
#include "bpf/ucounts.bpf.h"

/* Whose a slot is while it runs; written by userspace. An array map of its own: what the host's iterator walks. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, UBC_MAX_SLOTS);
	__type(key, u32);
	__type(value, struct ubc_container);
} containers SEC(".maps");

extern const void mem_cgroup_stats_index __ksym __weak;           /* since 6.10: where a statistic lies in the array */

/* NULL: the cgroup has no memory controller. */
static __always_inline const void *memcg_of(const void *cgroup)
{
	const void *css = (const void *)read_word(cgroup, bpf_core_field_offset(struct cgroup, subsys) +
								  8 * bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id));

	return css ? css - bpf_core_field_offset(struct mem_cgroup, css) : 0;
}

static __always_inline u64 statistic(const void *stats, u64 place)
{
	signed char index = 0;

	if (&mem_cgroup_stats_index) {
		bpf_probe_read_kernel(&index, sizeof(index), &mem_cgroup_stats_index + place);
		place = index;
	}
	return read_word(stats, bpf_core_field_offset(struct memcg_vmstats, state) + 8 * place);
}

/* kmemsize, and dcachesize: dentries, inodes and whatever else the kernel gives back when memory is short. */
struct kernel_memory {
	u64 kept_bytes, cached_bytes;
};

/* As the controller has last summed it up over the CPUs: within two seconds. */
static __always_inline struct kernel_memory kernel_memory_of(const void *memcg)
{
	const void *stats = (const void *)read_word(memcg, bpf_core_field_offset(struct mem_cgroup, vmstats));
	struct kernel_memory now = {};
	u64 all;

	if (!stats)
		return now;
	all = statistic(stats, bpf_core_enum_value(enum memcg_stat_item, MEMCG_KMEM)) << PAGE_SHIFT_;
	now.cached_bytes = statistic(stats, bpf_core_enum_value(enum node_stat_item, NR_SLAB_RECLAIMABLE_B));
	now.kept_bytes = all > now.cached_bytes ? all - now.cached_bytes : 0;
	return now;
}

/* The cgroup of this id that the current task is in, or below; NULL: in none. */
static __always_inline const struct cgroup *own_cgroup(u64 id)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);

	repeat(MAX_CGROUP_LEVELS) {
		if (!cgroup || BPF_CORE_READ(cgroup, kn, id) == id)
			return cgroup;
		cgroup = BPF_CORE_READ(cgroup, self.parent, cgroup);
	}
	return 0;
}

#endif

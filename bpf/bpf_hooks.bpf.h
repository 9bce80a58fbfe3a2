/* SPDX-License-Identifier: GPL-2.0 */
/* numbpf: BPF maps and programs, together, from bpf() until the last reference is gone (the kernel frees them a moment later). A filter
 * of the classic kind, as seccomp and sockets take it, passes no hook. The hooks have other names and arguments from 6.9 on; the object
 * comes first. */
#include "bpf/objects.bpf.h"

static __always_inline int on_bpf_object(const void *object)
{
	return charge_object(object, slot_of_current(), UBC_NUMBPF, 1, UBC_REFUSE_OVER_BARRIER, UBC_HOOK_BPF) ? -ENOSPC_ : 0;
}

SEC("lsm/bpf_map_create")
int BPF_PROG(charge_map, struct bpf_map *map)
{
	return on_bpf_object(map);
}

SEC("lsm/bpf_map_alloc_security")
int BPF_PROG(charge_map_before_6_9, struct bpf_map *map, int ret)
{
	return ret ? ret : on_bpf_object(map);
}

SEC("lsm/bpf_prog_load")
int BPF_PROG(charge_prog, struct bpf_prog *prog)
{
	return on_bpf_object(prog);
}

SEC("lsm/bpf_prog_alloc_security")
int BPF_PROG(charge_prog_before_6_9, struct bpf_prog_aux *aux, int ret)
{
	return ret ? ret : on_bpf_object(aux);
}

#define FREE_BPF_OBJECT(name, hook, type)       \
	SEC("lsm/" hook)                        \
	int BPF_PROG(name, struct type *object) \
	{                                       \
		forget_object(object);          \
		return 0;                       \
	}

FREE_BPF_OBJECT(free_map, "bpf_map_free", bpf_map)
FREE_BPF_OBJECT(free_map_before_6_9, "bpf_map_free_security", bpf_map)
FREE_BPF_OBJECT(free_prog, "bpf_prog_free", bpf_prog)
FREE_BPF_OBJECT(free_prog_before_6_9, "bpf_prog_free_security", bpf_prog_aux)

/* SPDX-License-Identifier: GPL-2.0 */
/* shmpages. A record by the inode of what has no file behind it:
 *   SysV segments and shared anonymous mappings, in whole from their making, as OpenVZ of 2.6.32 had it: their size is a credit of the task
 *     until the kernel has made the inode;
 *   files of tmpfs and memfds, and those two where they were made without reservation, by the page, swapped ones included: re-read from
 *     i_blocks after each change, refused a block by security_vm_enough_memory_mm().
 * The owner of the inode pays where that is a container's uid, else who touched it first. */
#ifndef UBC_SHMEM_BPF_H
#define UBC_SHMEM_BPF_H

#include "bpf/call.bpf.h"
#include "bpf/memory.bpf.h"

#define KIND_SHM_CREDIT 4 /* of the current task: a segment that it is making */

/* Records of KIND_SHM_CREDIT: while there are none, nobody looks for one. Never too low. */
ubc_u64 shm_credits SEC(".data.marks");

static __always_inline u64 shm_credit_key(void)
{
	return key_of(bpf_get_current_task_btf(), KIND_SHM_CREDIT);
}

VERIFIED_ALONE u64 take_shm_credit_slow(u64 key)
{
	u64 w = take_charge(key);

	if (w)
		__sync_fetch_and_add(&shm_credits, -1);
	return w;
}

/* The charge word of the task's credit, which is gone then; or 0. */
static __always_inline u64 take_shm_credit(u64 key)
{
	return likely(!*(volatile ubc_u64 *)&shm_credits) ? 0 : take_shm_credit_slow(key);
}

static __always_inline void forget_shm_credit(u64 key)
{
	u64 w = take_shm_credit(key);

	if (w)
		give_back(w);
}

/* 0: the task may make a segment of so many pages; -1: refused. */
VERIFIED_ALONE int reserve_segment_pages(u32 slot, u64 pages)
{
	u64 key = shm_credit_key();
	int refused;

	forget_shm_credit(key);
	__sync_fetch_and_add(&shm_credits, 1);
	refused = charge_key(key, slot, UBC_SHMPAGES, pages, UBC_REFUSE_OVER_BARRIER, UBC_HOOK_SHMEM);
	if (refused)
		__sync_fetch_and_add(&shm_credits, -1);
	return refused;
}

/* A block of tmpfs or of a memfd: the caller holds no write lock of an address space, which all others that ask for memory do. Looked at,
 * not reserved: the kernel counts it next. */
VERIFIED_ALONE int refuse_block(u32 slot, u64 pages)
{
	int refused = would_refuse(counter_of(slot, UBC_SHMPAGES), pages, UBC_REFUSE_OVER_BARRIER);

	if (!refused)
		return 0;
	if (*(volatile ubc_u64 *)&shm_credits && find_charge(shm_credit_key())) /* a segment, paid for */
		return 0;
	tell_refusal(slot, UBC_SHMPAGES, pages, UBC_HOOK_SHMEM, by(refused, UBC_REFUSE_OVER_BARRIER));
	return -1;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* shmpages where segments and files of memory are made, grow, shrink and end. Shared anonymous mappings, and the refusal of a block, are in
 * memory_hooks.bpf.h. */
#include "bpf/locked.bpf.h"
#include "bpf/shmem.bpf.h"

#define SHM_HUGETLB_ 04000
#define SHM_NORESERVE_ 010000
#define IS_ERROR(pointer) ((u64)(pointer) >= (u64)-4095)
/* Of shmem_inode_info.flags: VM_NORESERVE, which is bit 0 of its own from 6.18 on. */
#define BY_THE_PAGE 0x200001

enum { NR_SHMGET = 29, IA32_SHMGET = 395, IA32_IPC = 117 };

SEC("lsm/shm_alloc_security")
int BPF_PROG(reserve_segment, struct kern_ipc_perm *perm, int ret)
{
	u32 slot = ret ? 0 : slot_of_current();
	struct call call;
	u64 size, flags;

	if (!slot)
		return ret;
	read_call(&call, bpf_get_current_task_btf());
	if (call.compat && call.nr == IA32_IPC) { /* ipc(SHMGET, key, size, flags) */
		size = third_argument(&call);
		flags = fourth_argument(&call);
	} else {
		size = second_argument(&call);
		flags = third_argument(&call);
	}
	if (flags & (SHM_HUGETLB_ | SHM_NORESERVE_))
		return 0;
	return reserve_segment_pages(slot, pages_up(size)) ? -ENOMEM_ : 0;
}

static __always_inline u64 shmem_flags(struct inode *inode)
{
	u64 flags = 0;

	bpf_probe_read_kernel(&flags, sizeof(flags),
			      (void *)inode - bpf_core_field_offset(struct shmem_inode_info, vfs_inode) +
				      bpf_core_field_offset(struct shmem_inode_info, flags));
	return flags;
}

static __always_inline u32 slot_of_inode(struct inode *inode)
{
	u32 slot = slot_of_uid(BPF_CORE_READ(inode, i_uid.val));

	return slot ? slot : slot_of_current();
}

SEC("fexit/shmem_kernel_file_setup")
int BPF_PROG(charge_segment, const char *name, s64 size, u64 flags, struct file *file)
{
	u64 w = take_shm_credit(shm_credit_key());
	struct inode *inode;
	u32 slot;

	if (IS_ERROR(file)) {
		if (w)
			give_back(w);
		return 0;
	}
	inode = file->f_inode;
	if (!inode)
		return 0;
	if (w) {
		remember_charged(key_of(inode, KIND_OBJECT), w);
		return 0;
	}
	slot = slot_of_current();
	if (slot && !(shmem_flags(inode) & BY_THE_PAGE)) /* no hook announced it: /dev/zero */
		charge_key(key_of(inode, KIND_OBJECT), slot, UBC_SHMPAGES, pages_up(size), UBC_NEVER_REFUSE, UBC_HOOK_SHMEM);
	return 0;
}

/* A shared anonymous mapping has its inode. */
static __always_inline void adopt_segment(struct file *file)
{
	u64 w = take_shm_credit(shm_credit_key());
	struct inode *inode = file ? file->f_inode : 0;

	if (!w)
		return;
	if (inode)
		remember_charged(key_of(inode, KIND_OBJECT), w);
	else
		give_back(w);
}

SEC("fexit/shmem_zero_setup")
int BPF_PROG(charge_shared, struct vm_area_struct *vma, int ret)
{
	if (!ret)
		adopt_segment(vma->vm_file);
	return 0;
}

SEC("fexit/shmem_zero_setup_desc")
int BPF_PROG(charge_shared_desc, struct vm_area_desc *desc, int ret)
{
	if (!ret)
		adopt_segment(desc->vm_file);
	return 0;
}

static __always_inline void set_amount(u64 *w, u64 has)
{
	repeat(TRIES) {
		u64 old = *(volatile u64 *)w;

		if (has == charge_amount(old) || rewrite_amount(w, old, has))
			return;
	}
}

/* Each page that comes or goes. */
SEC("fexit/shmem_recalc_inode")
int BPF_PROG(after_shmem_change, struct inode *inode)
{
	u64 key = key_of(inode, KIND_OBJECT);
	u64 *w = find_charge(key), pages;
	u32 slot;

	if (w) {
		if (shmem_flags(inode) & BY_THE_PAGE)
			set_amount(w, inode->i_blocks >> 3);
		return 0;
	}
	slot = slot_of_inode(inode);
	if (!slot)
		return 0;
	pages = shmem_flags(inode) & BY_THE_PAGE ? inode->i_blocks >> 3 : pages_up(inode->i_size);
	if (pages)
		charge_key(key, slot, UBC_SHMPAGES, pages, UBC_NEVER_REFUSE, UBC_HOOK_SHMEM);
	return 0;
}

SEC("fentry/shmem_evict_inode")
int BPF_PROG(free_shmem, struct inode *inode)
{
	forget_object(inode);
	forget_locked(key_of(inode, KIND_LOCKED));
	return 0;
}

SEC("kprobe/shmem_evict_inode")
int BPF_KPROBE(free_shmem_kprobe, u64 inode)
{
	forget_key(key_of_number(inode, KIND_OBJECT));
	if (unlikely(any_locked()))
		forget_locked(key_of_number(inode, KIND_LOCKED));
	return 0;
}

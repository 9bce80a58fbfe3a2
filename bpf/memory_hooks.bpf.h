/* SPDX-License-Identifier: GPL-2.0 */
/* privvmpages at each call that changes an address space. */
#include "bpf/call.bpf.h"
#include "bpf/locked.bpf.h"
#include "bpf/shmem.bpf.h"

enum { NR_MMAP = 9, NR_MPROTECT = 10, NR_BRK = 12, NR_MREMAP = 25, NR_CLONE = 56, NR_FORK = 57, NR_VFORK = 58, NR_PKEY_MPROTECT = 329,
       NR_CLONE3 = 435, IA32_FORK = 2, IA32_BRK = 45, IA32_OLD_MMAP = 90, IA32_CLONE = 120, IA32_MPROTECT = 125, IA32_MREMAP = 163,
       IA32_VFORK = 190, IA32_MMAP2 = 192, IA32_PKEY_MPROTECT = 380 };

static __always_inline int is_fork(const struct call *call)
{
	if (call->compat)
		return call->nr == IA32_FORK || call->nr == IA32_CLONE || call->nr == IA32_VFORK || call->nr == NR_CLONE3;
	return call->nr == NR_CLONE || call->nr == NR_FORK || call->nr == NR_VFORK || call->nr == NR_CLONE3;
}

/* Pages of private writable memory that this brk or mremap asks for. */
static __always_inline u64 pages_of_growth(const struct call *call, struct mm_struct *mm)
{
	if (is(call, NR_BRK, IA32_BRK)) {
		u64 end = first_argument(call), now = mm->brk;

		return end > now ? pages_up(end) - pages_up(now) : 0;
	}
	if (is(call, NR_MREMAP, IA32_MREMAP)) {
		u64 old = second_argument(call), new = third_argument(call);

		return new > old ? pages_up(new) - pages_up(old) : 0;
	}
	return 0;
}

/* ... and this mmap. */
static __always_inline u64 pages_of_mapping(const struct call *call)
{
	u64 flags = fourth_argument(call);

	if ((flags & MAP_TYPE_) != MAP_PRIVATE_ || !(flags & MAP_GROWSDOWN_ || third_argument(call) & PROT_WRITE_))
		return 0;
	return pages_up(second_argument(call));
}

/* Of a mapping of whatever kind that is to be locked; an mremap of a locked area is seen once it is done. */
VERIFIED_ALONE int reserve_locked_mapping(u32 slot)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mm_struct *mm = task->mm;
	struct call call;
	u64 pages;

	if (!mm)
		return 0;
	read_call(&call, task);
	if (is(&call, NR_MMAP, IA32_MMAP2))
		pages = pages_up(second_argument(&call));
	else
		pages = is(&call, NR_BRK, IA32_BRK) && write_locked_by(mm, task) ? pages_of_growth(&call, mm) : 0;
	return pages && reserve_locked(mm, slot, pages);
}

static __always_inline int asks_to_lock(struct mm_struct *mm, const struct call *call)
{
	return mm->def_flags & VM_LOCKED_ || (is(call, NR_MMAP, IA32_MMAP2) && fourth_argument(call) & MAP_LOCKED_);
}

/* Shared and anonymous, of small pages, reserved in whole: the kernel will ask for all of it at once, and not again by the page. */
static __always_inline int asks_for_shared(const struct call *call)
{
	u64 flags;

	if (!is(call, NR_MMAP, IA32_MMAP2))
		return 0;
	flags = fourth_argument(call);
	return (flags & MAP_TYPE_ & ~MAP_SHARED_VALIDATE_) == 0 && flags & MAP_SHARED_ && flags & MAP_ANONYMOUS_ &&
	       !(flags & (MAP_NORESERVE_ | MAP_HUGETLB_));
}

/* Called under the write lock of each mmap, brk and moving mremap. MAP_NORESERVE never reaches security_vm_enough_memory_mm(). */
static __always_inline int on_mmap_addr(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 slot = slot_of(task->cred->uid.val);
	struct mm_struct *mm;
	struct call call;
	u64 pages;

	if (!slot)
		return 0;
	mm = task->mm;
	if (!mm)
		return 0;
	read_call(&call, task);
	if (likely(is(&call, NR_MMAP, IA32_MMAP2))) /* which comes here with the lock only */
		pages = pages_of_mapping(&call);
	else
		pages = write_locked_by(mm, task) ? pages_of_growth(&call, mm) : 0;
	if (unlikely(asks_to_lock(mm, &call)) && reserve_locked_mapping(slot))
		return -ENOMEM_;
	if (unlikely(asks_for_shared(&call)) && reserve_segment_pages(slot, pages_up(second_argument(&call))))
		return -ENOMEM_;
	return pages && reserve_memory(mm, slot, pages, UBC_REFUSE_OVER_BARRIER) ? -ENOMEM_ : 0;
}

SEC("lsm/mmap_addr")
int BPF_PROG(reserve_mapping, unsigned long addr, int ret)
{
	return ret ? ret : on_mmap_addr();
}

SEC("fmod_ret/security_mmap_addr")
int BPF_PROG(reserve_mapping_fmod, unsigned long addr, int ret)
{
	return ret ? ret : on_mmap_addr();
}

/* What the hook above does not see: stack growth, exec, an mremap in place, 32-bit old_mmap. */
static __noinline int reserve_uncovered(struct mm_struct *mm, u32 slot, u64 pages)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call call;
	int voluntary;

	if (!write_locked_by(mm, task))
		return refuse_block(slot, pages) ? -ENOMEM_ : 0;
	read_call(&call, task);
	if (mm == task->mm && is_fork(&call)) /* reserve_fork() has it all */
		return 0;
	voluntary = is(&call, NR_MMAP, IA32_MMAP2) || is(&call, NR_BRK, IA32_BRK) || is(&call, NR_MREMAP, IA32_MREMAP) ||
		    (call.compat && call.nr == IA32_OLD_MMAP);
	return reserve_memory(mm, slot, pages, voluntary ? UBC_REFUSE_OVER_BARRIER : UBC_REFUSE_OVER_LIMIT) ? -ENOMEM_ : 0;
}

SEC("fmod_ret/security_vm_enough_memory_mm")
int BPF_PROG(reserve_growth, struct mm_struct *mm, long pages, int ret)
{
	u32 slot = slot_of_current();
	u64 *w;

	if (!slot || ret || pages <= 0)
		return ret;
	w = find_charge(key_of(mm, KIND_OBJECT));
	if (w && charge_amount(*w) >= pages_of(mm) + pages && /* the hook above has seen it */
	    (counter_of(slot, UBC_SHMPAGES)->barrier >= UBC_UNLIMITED || write_locked_by(mm, bpf_get_current_task_btf())))
		return 0;
	return reserve_uncovered(mm, slot, pages);
}

/* Read-only private memory costs nothing until it is made writable. Once for each area, under the write lock. */
static __always_inline int on_file_mprotect(struct vm_area_struct *vma, u64 prot)
{
	u32 slot = slot_of_current();
	struct task_struct *task;
	struct mm_struct *mm;
	struct call call;
	u64 start, end;

	if (!slot || !(prot & PROT_WRITE_) || (vma->vm_flags & (VM_WRITE_ | VM_SHARED_)))
		return 0;
	task = bpf_get_current_task_btf();
	read_call(&call, task);
	if (!is(&call, NR_MPROTECT, IA32_MPROTECT) && !is(&call, NR_PKEY_MPROTECT, IA32_PKEY_MPROTECT))
		return 0;
	start = first_argument(&call);
	end = start + (pages_up(second_argument(&call)) << PAGE_SHIFT_);
	if (start < vma->vm_start)
		start = vma->vm_start;
	if (end > vma->vm_end)
		end = vma->vm_end;
	mm = vma->vm_mm;
	if (start >= end || !mm)
		return 0;
	return reserve_memory(mm, slot, (end - start) >> PAGE_SHIFT_, UBC_REFUSE_OVER_LIMIT) ? -ENOMEM_ : 0;
}

SEC("lsm/file_mprotect")
int BPF_PROG(reserve_writable, struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot, int ret)
{
	return ret ? ret : on_file_mprotect(vma, prot);
}

SEC("fmod_ret/security_file_mprotect")
int BPF_PROG(reserve_writable_fmod, struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot, int ret)
{
	return ret ? ret : on_file_mprotect(vma, prot);
}

static __always_inline void true_up_mapped(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mm_struct *mm = task->mm;

	true_up_current();
	if (mm)
		true_up_locked(mm, 0);
	forget_shm_credit(key_of(task, KIND_SHM_CREDIT)); /* of a mapping that failed */
}

#define TRUE_UP_AFTER(function, name)        \
	SEC("fexit/" #function)              \
	int name(void *ctx)                  \
	{                                    \
		true_up_mapped();            \
		return 0;                    \
	}

TRUE_UP_AFTER(vm_mmap_pgoff, after_mmap)
TRUE_UP_AFTER(__vm_munmap, after_munmap)
TRUE_UP_AFTER(vm_brk_flags, after_kernel_brk)
TRUE_UP_AFTER(__x64_sys_brk, after_brk)
TRUE_UP_AFTER(__ia32_sys_brk, after_brk32)
TRUE_UP_AFTER(__x64_sys_mremap, after_mremap)
TRUE_UP_AFTER(__ia32_sys_mremap, after_mremap32)
TRUE_UP_AFTER(do_mprotect_pkey, after_mprotect)

SEC("tp_btf/sched_process_exec")
int after_exec(void *ctx)
{
	true_up_current();
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(after_fork, struct task_struct *parent, struct task_struct *child)
{
	struct mm_struct *mm = child->mm;

	adopt_fork(key_of(child, KIND_FORK_MEMORY), mm, key_of(mm, KIND_OBJECT));
	return 0;
}

SEC("kprobe/wake_up_new_task")
int BPF_KPROBE(after_fork_kprobe, struct task_struct *child)
{
	struct mm_struct *mm = BPF_CORE_READ(child, mm);

	adopt_fork(key_of_number((u64)child, KIND_FORK_MEMORY), mm, key_of_number((u64)mm, KIND_OBJECT));
	return 0;
}

SEC("fentry/exit_mmap")
int BPF_PROG(free_mm, struct mm_struct *mm)
{
	forget_object(mm);
	forget_locked(key_of(mm, KIND_LOCKED));
	return 0;
}

SEC("kprobe/exit_mmap")
int BPF_KPROBE(free_mm_kprobe, u64 mm)
{
	forget_key(key_of_number(mm, KIND_OBJECT));
	if (unlikely(any_locked()))
		forget_locked(key_of_number(mm, KIND_LOCKED));
	return 0;
}

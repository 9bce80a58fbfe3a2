/* SPDX-License-Identifier: GPL-2.0 */
/* numproc: threads and zombies until reaped. A fork's memory is reserved here too, because here a refusal is never skipped. */
#include "bpf/shmem.bpf.h"

static __always_inline int fork_errno(void)
{
	return *(volatile ubc_u64 *)&settings.fork_errno == EAGAIN_ ? -EAGAIN_ : -ENOMEM_;
}

static __always_inline int on_task_alloc(struct task_struct *child, u64 clone_flags)
{
	u32 slot = slot_of(child->cred->uid.val);

	if (!slot)
		return 0;
	if (charge_object(child, slot, UBC_NUMPROC, 1, UBC_REFUSE_OVER_BARRIER, UBC_HOOK_FORK))
		return fork_errno();
	if (!(clone_flags & CLONE_VM_) && reserve_fork(child, slot)) {
		forget_object(child);
		return -ENOMEM_;
	}
	return 0;
}

/* security_task_free() runs for a refused and for a failed fork, and after RCU for a dead task: only what is still remembered is given back. */
static __always_inline int on_task_free(struct task_struct *task)
{
	forget_object(task);
	forget_key(key_of(task, KIND_FORK_MEMORY));
	forget_credit(task);
	forget_shm_credit(key_of(task, KIND_SHM_CREDIT));
	return 0;
}

/* A task is its container's once its real uid is. Joining charges like a fork: refused at the barrier, so that held never exceeds it. */
static __always_inline int on_setuid(const struct cred *new, const struct cred *old)
{
	u32 to = slot_of_uid(new->uid.val), from = slot_of_uid(old->uid.val);
	struct task_struct *task;

	if (to == from)
		return 0;
	task = bpf_get_current_task_btf();
	forget_object(task);
	if (to && charge_object(task, to, UBC_NUMPROC, 1, UBC_REFUSE_OVER_BARRIER, UBC_HOOK_JOIN)) {
		charge_object(task, from, UBC_NUMPROC, 1, UBC_NEVER_REFUSE, UBC_HOOK_JOIN);
		return -ENOMEM_;
	}
	return 0;
}

SEC("lsm/task_alloc")
int BPF_PROG(charge_task, struct task_struct *child, u64 clone_flags, int ret)
{
	return ret ? ret : on_task_alloc(child, clone_flags);
}

SEC("fmod_ret/security_task_alloc")
int BPF_PROG(charge_task_fmod, struct task_struct *child, u64 clone_flags, int ret)
{
	return ret ? ret : on_task_alloc(child, clone_flags);
}

SEC("lsm/task_free")
int BPF_PROG(free_task, struct task_struct *task)
{
	return on_task_free(task);
}

SEC("fentry/security_task_free")
int BPF_PROG(free_task_fentry, struct task_struct *task)
{
	return on_task_free(task);
}

SEC("lsm/task_fix_setuid")
int BPF_PROG(join_by_uid, struct cred *new, const struct cred *old, int flags, int ret)
{
	return ret ? ret : on_setuid(new, old);
}

SEC("fmod_ret/security_task_fix_setuid")
int BPF_PROG(join_by_uid_fmod, struct cred *new, const struct cred *old, int flags, int ret)
{
	return ret ? ret : on_setuid(new, old);
}

/* The parent has reaped it: the zombie is gone. security_task_free() comes too late, after an RCU grace period. */
SEC("fentry/release_task")
int BPF_PROG(reap_task, struct task_struct *task)
{
	forget_object(task);
	return 0;
}

SEC("kprobe/release_task")
int BPF_KPROBE(reap_task_kprobe, u64 task)
{
	forget_key(key_of_number(task, KIND_OBJECT));
	return 0;
}

/* A task goes to another cgroup, or is born into one by CLONE_INTO_CGROUP: for adopted containers. Never refused: the kernel has decided. */
static __always_inline void rehome(u64 key, u32 uid, struct cgroup *cgrp, u64 cgroup_id)
{
	u32 slot;
	u64 *w;

	if (slot_of_uid(uid)) /* ours by its uid, wherever it sits */
		return;
	slot = slot_of_cgroup(cgrp, cgroup_id);
	w = find_charge(key);
	if ((w ? charge_slot(*w) : 0) == slot)
		return;
	forget_key(key);
	if (slot)
		charge_key(key, slot, UBC_NUMPROC, 1, UBC_NEVER_REFUSE, UBC_HOOK_JOIN);
}

SEC("fentry/css_set_move_task")
int BPF_PROG(move_task, struct task_struct *task, struct css_set *from, struct css_set *to, int use_mg_tasks)
{
	if (to && any_adopted())
		rehome(key_of(task, KIND_OBJECT), task->cred->uid.val, to->dfl_cgrp, to->dfl_cgrp->kn->id);
	return 0;
}

SEC("kprobe/css_set_move_task")
int BPF_KPROBE(move_task_kprobe, struct task_struct *task, struct css_set *from, struct css_set *to)
{
	if (to && any_adopted())
		rehome(key_of_number((u64)task, KIND_OBJECT), BPF_CORE_READ(task, cred, uid.val), BPF_CORE_READ(to, dfl_cgrp),
		       BPF_CORE_READ(to, dfl_cgrp, kn, id));
	return 0;
}

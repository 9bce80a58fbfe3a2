/* SPDX-License-Identifier: GPL-2.0 */
/* What a skipped program missed, found again: run by reading the pinned iterators, when recursion misses grew and now and then. */
#include "bpf/locked.bpf.h"

SEC("iter/task")
int audit_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct mm_struct *mm;
	u32 slot;
	u64 *w;

	if (!task)
		return 0;
	mm = task->mm;
	slot = mm ? slot_of_task(task) : 0;
	if (!slot || find_charge(key_of(task, KIND_FORK_MEMORY))) /* nobody's, or being born: adopt_fork() is at it */
		return 0;
	true_up_locked_slow(mm, task, slot);
	w = find_charge(key_of(mm, KIND_OBJECT));
	if (w)
		true_up(mm, w, task);
	else if (mm->mm_users.counter > 0)
		charge_key(key_of(mm, KIND_OBJECT), slot, UBC_PRIVVMPAGES, pages_of(mm), UBC_NEVER_REFUSE, UBC_HOOK_MEMORY);
	return 0;
}

/* A file that was over the barrier and that no hook could refuse: it lives, so it counts. */
SEC("iter/task_file")
int audit_files(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	u64 key, *w;
	u32 slot;

	if (!file || (!slot_of_uid(file->f_cred->uid.val) && !any_adopted()))
		return 0;
	key = key_of(file, KIND_OBJECT);
	w = find_charge(key);
	if (!w || !(*w & FLAG_REFUSED))
		return 0;
	slot = charge_slot(*w);
	forget_key(key);
	count_loss(UBC_LOSS_REFUSAL_SKIPPED);
	charge_key(key, slot, UBC_NUMFILE, 1, UBC_NEVER_REFUSE, UBC_HOOK_FILE);
	return 0;
}

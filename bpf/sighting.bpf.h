/* SPDX-License-Identifier: GPL-2.0 */
/* What lives, beside what the books say of it: for who audits the ledger from outside. Three pinned iterators that write a struct ubc_sighting for
 * each object that a task shows; a file that many hold is written as often. Nothing is changed. */
#include "bpf/memory.bpf.h"

/* `slot`: whom the object belongs to where no record says so; 0: nobody, or nobody can tell. */
static __always_inline void sight(struct seq_file *seq, u64 key, u32 slot, u32 resource, u64 amount)
{
	u64 *w = find_charge(key), charge = w ? *(volatile u64 *)w : 0;
	struct ubc_sighting seen = { .object = key, .slot = slot, .resource = resource, .amount = amount };

	if (charge & FLAGS)     /* refused, or paid for in advance: not charged for this */
		return;
	if (charge) {
		seen.slot = charge_slot(charge);
		seen.resource = charge_resource(charge);
		seen.charged = charge_amount(charge);
	}
	if (seen.slot)
		bpf_seq_write(seq, &seen, sizeof(seen));
}

/* Whose a file is that no record tells of: its opener's, by the ids that the file carries. Of an adopted container's nobody knows. */
static __always_inline void sight_file(struct seq_file *seq, struct file *file)
{
	sight(seq, key_of(file, KIND_OBJECT), slot_of_uid(file->f_cred->uid.val), UBC_NUMFILE, 1);
}

SEC("iter/task")
int sight_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct mm_struct *mm;
	struct file *exe;
	u32 slot;

	if (!task)
		return 0;
	slot = slot_of_task(task);
	sight(ctx->meta->seq, key_of(task, KIND_OBJECT), slot, UBC_NUMPROC, 1);
	mm = task->mm;
	if (!mm)
		return 0;
	if (!find_charge(key_of(task, KIND_FORK_MEMORY))) /* else it is being born */
		sight(ctx->meta->seq, key_of(mm, KIND_OBJECT), slot, UBC_PRIVVMPAGES, pages_of(mm));
	exe = mm->exe_file; /* on an overlay what is mapped is another file, of the layer below */
	if (exe)
		sight_file(ctx->meta->seq, exe);
	return 0;
}

SEC("iter/task_file")
int sight_files(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct socket *sock;
	struct sock *sk;
	int tcp;

	if (!file)
		return 0;
	sight_file(ctx->meta->seq, file);
	sock = bpf_sock_from_file(file);
	sk = sock ? sock->sk : 0;
	if (!sk)
		return 0;
	tcp = sock->type == SOCK_STREAM_ &&
	      (sk->__sk_common.skc_family == AF_INET_ || sk->__sk_common.skc_family == AF_INET6_);
	sight(ctx->meta->seq, key_of(sk, KIND_OBJECT), slot_of_uid(file->f_cred->uid.val), tcp ? UBC_NUMTCPSOCK : UBC_NUMOTHERSOCK, 1);
	return 0;
}

SEC("iter/task_vma")
int sight_mappings(struct bpf_iter__task_vma *ctx)
{
	struct vm_area_struct *vma = ctx->vma;
	struct file *file = vma && ctx->task ? vma->vm_file : 0;

	if (file)
		sight_file(ctx->meta->seq, file);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* The locks that were held before anybody counted them: run by reading the pinned iterator, once when the group of locks is attached and in each
 * adoption. Their holders need not stand still: a lock that goes meanwhile is given back here, by the link that its end cuts before its memory is
 * freed; a walk that such an end leads astray begins anew. */
#include "bpf/census.bpf.h"

#define MAX_LOCKS_OF_A_FILE 65536
#define MAX_WALKS 4

struct lock_walk { u64 at, head, file; u32 slot, whole; };

static __always_inline u64 file_of_lock(u64 link)
{
	u64 file = 0;

	if (bpf_core_field_exists(struct file_lock, c))
		link += bpf_core_field_offset(struct file_lock, c.flc_file) - bpf_core_field_offset(struct file_lock, c.flc_list);
	else
		link += bpf_core_field_offset(struct file_lock___before_6_9, fl_file) -
			bpf_core_field_offset(struct file_lock___before_6_9, fl_list);
	bpf_probe_read_kernel(&file, sizeof(file), (void *)link);
	return file;
}

static __always_inline u64 lock_of_link(u64 link)
{
	return link - (bpf_core_field_exists(struct file_lock, c) ? bpf_core_field_offset(struct file_lock, c.flc_list) :
								     bpf_core_field_offset(struct file_lock___before_6_9, fl_list));
}

static __always_inline u64 next_of(u64 link)
{
	u64 next = 0;

	bpf_probe_read_kernel(&next, sizeof(next), (void *)link); /* list_head.next is its first word */
	return next;
}

static long count_lock(u64 step, struct lock_walk *walk)
{
	u64 link = walk->at, key;

	walk->whole = link == walk->head;
	if (walk->whole || !link)
		return 1;
	if (file_of_lock(link) == walk->file) {
		key = key_of_number(lock_of_link(link), KIND_OBJECT);
		if (!count_existing(key, walk->slot, UBC_NUMFLOCK, 1) && next_of(link) == link)
			forget_key(key); /* off its list: its release came before the line above */
	}
	walk->at = next_of(link);
	return 0;
}

/* The verifier lets no pointer be a number, but the difference of two is one. */
static __always_inline u64 number_of(const void *object)
{
	u64 a = (u64)object, task = (u64)bpf_get_current_task_btf();

	asm volatile("%0 -= %1" : "+r"(a) : "r"(task));
	return a + bpf_get_current_task();
}

/* Those that were made through this file. */
static __noinline int count_locks(u64 head, u64 file, u32 slot)
{
	struct lock_walk walk = { .head = head, .file = file, .slot = slot };
	int tries;

	for (tries = 0; tries < MAX_WALKS && !walk.whole; tries++) {
		walk.at = next_of(head);
		bpf_loop(MAX_LOCKS_OF_A_FILE, count_lock, &walk, 0);
	}
	return 0;
}

/* The iterator holds the file, and so its inode. */
SEC("iter/task_file")
int census_locks(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	u32 slot = file && task ? slot_of_task(task) : 0;
	struct file_lock_context *locks;
	u64 lists;

	if (!slot)
		return 0;
	locks = file->f_inode->i_flctx;
	if (locks) {
		lists = number_of(locks);
		count_locks(lists + bpf_core_field_offset(struct file_lock_context, flc_flock), number_of(file), slot);
		count_locks(lists + bpf_core_field_offset(struct file_lock_context, flc_posix), number_of(file), slot);
	}
	return 0;
}

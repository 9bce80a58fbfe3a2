/* SPDX-License-Identifier: GPL-2.0 */
/* numflock: lock records of flock(), POSIX and open-file-description locks. Leases are not counted: one for an open file at most, so
 * numfile bounds them.
 *   request: security_file_lock() charges the lock to the task, as a credit: a request may wait for hours, and a thousand that wait must
 *     not all pass on one free place.
 *   locks_copy_lock(): the kernel fills a record: the credit becomes the record's charge. Called under the inode's lock spin lock.
 *   locks_release_private(): a record dies, and gives back; or the request itself, whose call is over, and its credit goes if nothing took
 *     it (an upgrade, a merge, a conflict).
 * Who asks to unlock may split a lock in two: OpenVZ lets him have the second up to the limit. */
#include "bpf/call.bpf.h"
#include "bpf/objects.bpf.h"

#define KIND_LOCK_CREDIT 6 /* of the current task: a lock that it asked for */

enum { NR_FCNTL = 72, NR_FLOCK = 73, IA32_FCNTL = 55, IA32_FLOCK = 143, IA32_FCNTL64 = 221 };

struct flock64 { /* the caller's, of 64 bits: as fcntl() takes it */
	short type, whence;
	s64 start, length;
};

/* True where this unlock can't leave two locks of one. The caller's memory may have changed since the kernel read it: a liar's second lock
 * is counted all the same, and above the limit nobody is believed. */
static __always_inline int unlocks_whole_file(const struct call *call, u32 slot)
{
	struct flock64 range = {};

	if (is(call, NR_FLOCK, IA32_FLOCK))
		return 1;
	if (call->compat || bpf_probe_read_user(&range, sizeof(range), (void *)third_argument(call)))
		return 0;
	if (range.whence || range.start || range.length)
		return 0;
	return !would_refuse(counter_of(slot, UBC_NUMFLOCK), 0, UBC_REFUSE_OVER_LIMIT);
}

static __always_inline int is_lease(const struct call *call)
{
	return call->nr == (call->compat ? IA32_FCNTL64 : NR_FCNTL) && second_argument(call) == F_SETLEASE_;
}

static __always_inline int on_lock_request(unsigned int type)
{
	u32 slot = slot_of_current();
	struct task_struct *task;
	struct call call;
	u64 key;

	if (!slot)
		return 0;
	task = bpf_get_current_task_btf();
	read_call(&call, task);
	if (is_lease(&call) || (type == F_UNLCK_ && unlocks_whole_file(&call, slot)))
		return 0;
	key = key_of(task, KIND_LOCK_CREDIT);
	forget_key(key);
	return charge_key(key, slot, UBC_NUMFLOCK, 1, type == F_UNLCK_ ? UBC_REFUSE_OVER_LIMIT : UBC_REFUSE_OVER_BARRIER, UBC_HOOK_LOCK) ?
		       -ENOLCK_ : 0;
}

SEC("lsm/file_lock")
int BPF_PROG(charge_lock, struct file *file, unsigned int cmd, int ret)
{
	return ret ? ret : on_lock_request(cmd);
}

SEC("fmod_ret/security_file_lock")
int BPF_PROG(charge_lock_fmod, struct file *file, unsigned int cmd, int ret)
{
	return ret ? ret : on_lock_request(cmd);
}

SEC("fentry/locks_copy_lock")
int BPF_PROG(remember_lock, struct file_lock *new, struct file_lock *from)
{
	u32 slot = slot_of_current();
	u64 key, w;

	if (!slot)
		return 0;
	key = key_of(new, KIND_OBJECT);
	w = take_charge(key_of(bpf_get_current_task_btf(), KIND_LOCK_CREDIT));
	if (!w) { /* the second lock of a request that needs two */
		charge_key(key, slot, UBC_NUMFLOCK, 1, UBC_NEVER_REFUSE, UBC_HOOK_LOCK);
		return 0;
	}
	forget_key(key);
	remember_charged(key, w);
	return 0;
}

static __always_inline void on_lock_free(u64 key)
{
	u64 w = take_charge(key);

	if (w)
		give_back(w);
	else if (slot_of_current())
		forget_key(key_of(bpf_get_current_task_btf(), KIND_LOCK_CREDIT));
}

SEC("fentry/locks_release_private")
int BPF_PROG(free_lock, struct file_lock *lock)
{
	const struct file *file = bpf_core_field_exists(lock->c) ? lock->c.flc_file : ((struct file_lock___before_6_9 *)lock)->fl_file;

	if (file)
		on_lock_free(key_of(lock, KIND_OBJECT));
	return 0;
}

SEC("kprobe/locks_release_private")
int BPF_KPROBE(free_lock_kprobe, struct file_lock *lock)
{
	const struct file *file = bpf_core_field_exists(lock->c) ? BPF_CORE_READ(lock, c.flc_file) :
						BPF_CORE_READ((struct file_lock___before_6_9 *)lock, fl_file);

	if (file)
		on_lock_free(key_of_number((u64)lock, KIND_OBJECT));
	return 0;
}

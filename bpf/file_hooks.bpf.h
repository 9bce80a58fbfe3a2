/* SPDX-License-Identifier: GPL-2.0 */
/* numfile: one for each struct file. The owner is in the file itself: its credential's uid.
 * Where BPF LSM has file_alloc_security (6.1, 6.12) that hook does it all. Where it has not (7.x), a kprobe charges, since a kprobe is never
 * skipped; it cannot refuse, so it marks the file, and the hooks after it refuse the marked one: fmod_ret on the same function, which can be
 * skipped on a preemptible kernel, and then file_open, which cannot. A pipe's, a socket's or a memfd's file is paid for with its inode, where
 * a refusal is never skipped either. What is left to fmod_ret alone: eventfd, epoll, timerfd, signalfd and their kind. */
#include "bpf/objects.bpf.h"

static __always_inline int on_file_alloc(struct file *file)
{
	u32 slot = slot_of(file->f_cred->uid.val);

	return charge_object(file, slot, UBC_NUMFILE, 1, UBC_REFUSE_OVER_BARRIER, UBC_HOOK_FILE) ? -ENFILE_ : 0;
}

SEC("lsm/file_alloc_security")
int BPF_PROG(charge_file, struct file *file, int ret)
{
	return ret ? ret : on_file_alloc(file);
}

SEC("fmod_ret/security_file_alloc")
int BPF_PROG(charge_file_fmod, struct file *file, int ret)
{
	return ret ? ret : on_file_alloc(file);
}

SEC("lsm/file_free_security")
int BPF_PROG(free_file, struct file *file)
{
	forget_object(file);
	return 0;
}

SEC("fentry/security_file_free")
int BPF_PROG(free_file_fentry, struct file *file)
{
	forget_object(file);
	return 0;
}

/* A file that was paid for with its inode takes one from the current task's credit. Only the task itself touches its credit. */
static __noinline int take_credit(u64 credit_key, u64 file_key)
{
	u64 *credit = find_charge(credit_key);
	u64 w;

	if (!credit)
		return 0;
	w = *credit;
	if (charge_amount(w) == 1) {
		take_charge(credit_key);
		__sync_fetch_and_add(&credits, -1);
	} else {
		*credit = w - (1ULL << UBC_CHARGE_AMOUNT_SHIFT);
	}
	remember_charged(file_key, pack_charge(charge_slot(w), UBC_NUMFILE, 1, 0));
	return 1;
}

SEC("kprobe/security_file_alloc")
int BPF_KPROBE(charge_file_kprobe, u64 file)
{
	u32 slot = slot_of_current();
	u64 key;

	if (!slot)
		return 0;
	key = key_of_number(file, KIND_OBJECT);
	if (*(volatile ubc_u64 *)&credits && take_credit(key_of(bpf_get_current_task_btf(), KIND_FILE_CREDIT), key))
		return 0;
	if (charge_key(key, slot, UBC_NUMFILE, 1, UBC_REFUSE_OVER_BARRIER, UBC_HOOK_FILE))
		mark_refused(key, pack_charge(slot, UBC_NUMFILE, 0, FLAG_REFUSED));
	return 0;
}

static __always_inline int is_marked(struct file *file, u64 *key)
{
	u64 *w;

	if (!*(volatile ubc_u64 *)&marked)
		return 0;
	*key = key_of(file, KIND_OBJECT);
	w = find_charge(*key);
	return w && (*w & FLAG_REFUSED);
}

/* One copy: more of them let fewer through, but not few (kernels that preempt skip them all alike), and each costs 105 instructions. */
SEC("fmod_ret/security_file_alloc")
int BPF_PROG(refuse_file, struct file *file, int ret)
{
	u64 key;

	if (ret || !is_marked(file, &key))
		return ret;
	forget_key(key);
	return -ENFILE_;
}

SEC("lsm/file_open")
int BPF_PROG(refuse_open, struct file *file, int ret)
{
	u64 key;

	return ret ? ret : is_marked(file, &key) ? -ENFILE_ : 0; /* the mark goes when the file is freed */
}

static __always_inline int reserve_credit(u32 slot, u64 files)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 key = key_of(task, KIND_FILE_CREDIT);
	int granted;

	forget_credit(task);
	granted = charge_in(bucket_of(key), key, slot, UBC_NUMFILE, files, FLAG_CREDIT, UBC_REFUSE_OVER_BARRIER, UBC_HOOK_FILE);
	if (granted == 0)
		__sync_fetch_and_add(&credits, 1); /* only the task itself looks for it, later */
	return granted < 0 ? -1 : 0;
}

/* Pipes, sockets and memfds announce their files by an inode of a file system that the kernel mounts for itself. A user's tmpfs is not one. */
SEC("lsm/inode_alloc_security")
int BPF_PROG(reserve_files, struct inode *inode, int ret)
{
	struct super_block *sb = inode->i_sb;
	u64 magic;
	u32 slot;

	if (ret || !sb)
		return ret;
	magic = sb->s_magic;
	if (magic == DEVPTS_MAGIC_)
		return is_refused_pty(inode) ? -ENOMEM_ : 0;
	if (!(sb->s_flags & SB_KERNMOUNT_))
		return 0;
	if (magic != PIPEFS_MAGIC_ && magic != SOCKFS_MAGIC_ && magic != TMPFS_MAGIC_)
		return 0;
	slot = slot_of_current();
	return slot && reserve_credit(slot, magic == PIPEFS_MAGIC_ ? 2 : 1) ? -ENFILE_ : 0;
}

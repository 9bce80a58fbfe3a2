/* SPDX-License-Identifier: GPL-2.0 */
/* numpty: a terminal pair is an index of a devpts instance, its opener's from devpts_new_index() until both ends are closed.
 * Nothing can refuse there; but the slave's inode is allocated next, by the same task, and security_inode_alloc() can: ENOMEM, as OpenVZ
 * had it. A hook at open would cost every open of every file. devpts_new_index() runs under a mutex of its own: nobody enters it while another
 * task is preempted in it, so it is never skipped. */
#include "bpf/objects.bpf.h"

#define KIND_PTY_REFUSED 5 /* of the current task: it is over the barrier with the pair that it is making */
#define KIND_PTY 7

static __always_inline u64 pty_key(u64 instance, u32 index)
{
	return ((instance >> KEY_SHIFT) + (index + 1) * 0x9E3779B97F4A7C15ULL * 8 + KIND_PTY) << KEY_SHIFT;
}

static __always_inline u64 refused_pty_key(void)
{
	return key_of(bpf_get_current_task_btf(), KIND_PTY_REFUSED);
}

SEC("fexit/devpts_new_index")
int BPF_PROG(charge_pty, struct pts_fs_info *instance, int index)
{
	u32 slot;

	if (index < 0)
		return 0;
	slot = slot_of_current();
	if (!slot)
		return 0;
	if (charge_key(pty_key(key_of(instance, KIND_OBJECT), index), slot, UBC_NUMPTY, 1, UBC_REFUSE_OVER_BARRIER, UBC_HOOK_PTY))
		mark_refused(refused_pty_key(), pack_charge(slot, UBC_NUMPTY, 0, FLAG_REFUSED));
	return 0;
}

static __always_inline int is_refused_pty(struct inode *inode)
{
	struct super_block *sb;
	u64 key;

	if (!*(volatile ubc_u64 *)&marked)
		return 0;
	sb = inode->i_sb;
	if (!sb || sb->s_magic != DEVPTS_MAGIC_)
		return 0;
	key = refused_pty_key();
	if (!find_charge(key))
		return 0;
	forget_key(key);
	return 1;
}

/* Where reserve_files() is attached to this hook, it asks is_refused_pty() itself. */
SEC("lsm/inode_alloc_security")
int BPF_PROG(refuse_pty, struct inode *inode, int ret)
{
	return ret ? ret : is_refused_pty(inode) ? -ENOMEM_ : 0;
}

static __always_inline void on_pty_free(u64 key)
{
	forget_key(key);
	if (*(volatile ubc_u64 *)&marked) /* it failed before there was an inode */
		forget_key(refused_pty_key());
}

SEC("fentry/devpts_kill_index")
int BPF_PROG(free_pty, struct pts_fs_info *instance, int index)
{
	on_pty_free(pty_key(key_of(instance, KIND_OBJECT), index));
	return 0;
}

SEC("kprobe/devpts_kill_index")
int BPF_KPROBE(free_pty_kprobe, u64 instance, int index)
{
	on_pty_free(pty_key(key_of_number(instance, KIND_OBJECT), index));
	return 0;
}

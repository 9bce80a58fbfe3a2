/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel counts by itself, so that we need only look before it grows: inotify watches and instances, user namespaces, queued
 * signals (ucounts), mounts (their namespace). Held falls by itself, wherever the object dies; publish_counts() copies it to the ledger for
 * readers. */
#include "bpf/call.bpf.h"
#include "bpf/ucounts.bpf.h"

enum { NR_INOTIFY_ADD_WATCH = 254, IA32_INOTIFY_ADD_WATCH = 292 };

/* inotify_init() passes no hook: an instance over the barrier can be made, and gets no watch. */
static __always_inline int on_watch(void)
{
	u32 slot = slot_of_current();
	struct task_struct *task;
	struct ucounts *counts;
	struct call call;

	if (!slot)
		return 0;
	task = bpf_get_current_task_btf();
	read_call(&call, task);
	counts = is(&call, NR_INOTIFY_ADD_WATCH, IA32_INOTIFY_ADD_WATCH) ? ucounts_of(task, slot) : 0;
	if (!counts)
		return 0;
	if (pass_gate(slot, UBC_NUMINOTIFY, ucount_of(counts, UCOUNT_INOTIFY_INSTANCES), 0, UBC_HOOK_WATCH) ||
	    pass_gate(slot, UBC_NUMWATCH, ucount_of(counts, UCOUNT_INOTIFY_WATCHES), 1, UBC_HOOK_WATCH))
		return -ENOSPC_;
	return 0;
}

SEC("lsm/path_notify")
int BPF_PROG(gate_watch, const struct path *path, u64 mask, unsigned int type, int ret)
{
	return ret ? ret : on_watch();
}

/* The container's own user namespace is one of them. The kernel has counted the new one already: no two pass on one place. */
SEC("lsm/userns_create")
int BPF_PROG(gate_userns, const struct cred *cred, int ret)
{
	u32 slot = ret ? 0 : slot_of_current();
	struct ucounts *counts = slot ? ucounts_of(bpf_get_current_task_btf(), slot) : 0;

	if (!counts)
		return ret;
	return pass_gate(slot, UBC_NUMUSERNS, ucount_of(counts, UCOUNT_USER_NAMESPACES) - 1, 1, UBC_HOOK_USERNS) ? -ENOSPC_ : 0;
}

static __always_inline u64 mounts_in(const struct mnt_namespace *ns)
{
	if (bpf_core_field_exists(ns->nr_mounts))
		return BPF_CORE_READ(ns, nr_mounts);
	return BPF_CORE_READ((const struct mnt_namespace___before_6_8 *)ns, mounts);
}

/* Each mount namespace of a container is held to the number by itself. */
static __always_inline int gate_mounts(u32 slot, u64 more)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return pass_gate(slot, UBC_NUMMOUNT, mounts_in(BPF_CORE_READ(task, nsproxy, mnt_ns)), more, UBC_HOOK_MOUNT) ? -ENOSPC_ : 0;
}

/* A recursive bind copies a tree whose size is not known here: it may be all that the namespace has. */
SEC("lsm/sb_mount")
int BPF_PROG(gate_mount, const char *name, const struct path *where, const char *type, unsigned long flags, void *data, int ret)
{
	u32 slot = ret || (flags & (MS_REMOUNT_ | MS_MOVE_ | MS_PROPAGATION_)) ? 0 : slot_of_current();
	struct task_struct *task;

	if (!slot)
		return ret;
	if ((flags & (MS_BIND_ | MS_REC_)) != (MS_BIND_ | MS_REC_))
		return gate_mounts(slot, 1);
	task = bpf_get_current_task_btf();
	return gate_mounts(slot, mounts_in(BPF_CORE_READ(task, nsproxy, mnt_ns)));
}

/* What fsmount() and open_tree() made is in a namespace of its own until it is attached: the kernel has counted it. */
SEC("lsm/move_mount")
int BPF_PROG(gate_move_mount, const struct path *from, const struct path *to, int ret)
{
	u32 slot = ret ? 0 : slot_of_current();
	struct mnt_namespace *here, *there = 0;
	struct task_struct *task;

	if (!slot)
		return ret;
	task = bpf_get_current_task_btf();
	here = BPF_CORE_READ(task, nsproxy, mnt_ns);
	bpf_probe_read_kernel(&there, sizeof(there),
			      (void *)BPF_CORE_READ(from, mnt) - bpf_core_field_offset(struct mount, mnt) +
				      bpf_core_field_offset(struct mount, mnt_ns));
	return there && there != here ? gate_mounts(slot, mounts_in(there)) : 0;
}

/* The receiver pays. What is not a real-time signal is queued once a task and delivered all the same, as OpenVZ had it; and the host's own
 * signals always come (systemd in a guest halts on a real-time one). */
SEC("lsm/task_kill")
int BPF_PROG(gate_signal, struct task_struct *to, struct kernel_siginfo *info, int signal, const struct cred *cred, int ret)
{
	u32 slot = ret || signal < SIGRTMIN_ || !slot_of_current() ? 0 : slot_of_uid(to->cred->uid.val);
	struct ucounts *counts = slot ? ucounts_of(to, slot) : 0;

	if (!counts)
		return ret;
	return pass_gate(slot, UBC_NUMSIGINFO, rlimit_of(counts, UCOUNT_RLIMIT_SIGPENDING), 1, UBC_HOOK_SIGNAL) ? -EAGAIN_ : 0;
}

/* For those who read the ledger: run for one task, or for all. */
SEC("iter/task")
int publish_counts(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	u32 slot = task ? slot_of_uid(task->cred->uid.val) : 0;
	struct ucounts *counts = slot ? ucounts_of(task, slot) : 0;

	if (!counts)
		return 0;
	publish(slot, UBC_NUMINOTIFY, ucount_of(counts, UCOUNT_INOTIFY_INSTANCES));
	publish(slot, UBC_NUMWATCH, ucount_of(counts, UCOUNT_INOTIFY_WATCHES));
	publish(slot, UBC_NUMUSERNS, ucount_of(counts, UCOUNT_USER_NAMESPACES));
	publish(slot, UBC_NUMSIGINFO, rlimit_of(counts, UCOUNT_RLIMIT_SIGPENDING));
	if (task->nsproxy)
		publish(slot, UBC_NUMMOUNT, mounts_in(BPF_CORE_READ(task, nsproxy, mnt_ns)));
	return 0;
}

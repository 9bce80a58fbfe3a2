/* SPDX-License-Identifier: GPL-2.0 */
/* nummsgqueue, numsemset: SysV message queues and semaphore sets, from msgget() and semget() until they are removed or their namespace
 * ends. ipc_rmid() is where either goes, under its spin lock; the free hooks run after an RCU grace period, and are there for creations
 * that failed. */
#include "bpf/objects.bpf.h"

static __always_inline int on_ipc_alloc(struct kern_ipc_perm *perm, u32 resource, u32 hook)
{
	return charge_object(perm, slot_of_current(), resource, 1, UBC_REFUSE_OVER_BARRIER, hook) ? -ENOSPC_ : 0;
}

SEC("lsm/msg_queue_alloc_security")
int BPF_PROG(charge_msgqueue, struct kern_ipc_perm *perm, int ret)
{
	return ret ? ret : on_ipc_alloc(perm, UBC_NUMMSGQUEUE, UBC_HOOK_MSGGET);
}

SEC("fmod_ret/security_msg_queue_alloc")
int BPF_PROG(charge_msgqueue_fmod, struct kern_ipc_perm *perm, int ret)
{
	return ret ? ret : on_ipc_alloc(perm, UBC_NUMMSGQUEUE, UBC_HOOK_MSGGET);
}

SEC("lsm/sem_alloc_security")
int BPF_PROG(charge_semset, struct kern_ipc_perm *perm, int ret)
{
	return ret ? ret : on_ipc_alloc(perm, UBC_NUMSEMSET, UBC_HOOK_SEMGET);
}

SEC("fmod_ret/security_sem_alloc")
int BPF_PROG(charge_semset_fmod, struct kern_ipc_perm *perm, int ret)
{
	return ret ? ret : on_ipc_alloc(perm, UBC_NUMSEMSET, UBC_HOOK_SEMGET);
}

SEC("fentry/ipc_rmid")
int BPF_PROG(free_ipc, struct ipc_ids *ids, struct kern_ipc_perm *perm)
{
	forget_object(perm);
	return 0;
}

SEC("lsm/msg_queue_free_security")
int BPF_PROG(free_msgqueue, struct kern_ipc_perm *perm)
{
	forget_object(perm);
	return 0;
}

SEC("lsm/sem_free_security")
int BPF_PROG(free_semset, struct kern_ipc_perm *perm)
{
	forget_object(perm);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* The system call under way: its number and arguments. Any 64-bit process can make a 32-bit one (int 0x80), so the
 * numbers alone do not tell. Each field is read where it is needed: a load through a walked pointer is ten instructions. */
#ifndef UBC_CALL_BPF_H
#define UBC_CALL_BPF_H

/* Of a function that isn't static and takes numbers only: the verifier walks it once, by itself, and not on each path of its callers. That of
 * 6.1 did not come to an end. */
#define VERIFIED_ALONE __attribute__((noinline))

struct call {
	struct pt_regs *regs;
	u64 nr;
	int compat;
};

static __always_inline void read_call(struct call *call, struct task_struct *task)
{
	call->regs = (struct pt_regs *)bpf_task_pt_regs(task);
	call->compat = task->thread_info.status & TS_COMPAT_;
	call->nr = call->regs->orig_ax;
}

static __always_inline u64 first_argument(const struct call *call)
{
	return call->compat ? (u32)call->regs->bx : call->regs->di;
}

static __always_inline u64 second_argument(const struct call *call)
{
	return call->compat ? (u32)call->regs->cx : call->regs->si;
}

static __always_inline u64 third_argument(const struct call *call)
{
	return call->compat ? (u32)call->regs->dx : call->regs->dx;
}

static __always_inline u64 fourth_argument(const struct call *call)
{
	return call->compat ? (u32)call->regs->si : call->regs->r10;
}

static __always_inline int is(const struct call *call, u64 nr, u64 ia32_nr)
{
	return call->nr == (call->compat ? ia32_nr : nr);
}

#endif

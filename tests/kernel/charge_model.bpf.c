// SPDX-License-Identifier: GPL-2.0
/* The charge() and uncharge() that the hooks have, one call a run, on a ledger of this object's own. */
#include "bpf/kernel_types.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/refusal.bpf.h"
#include "tests/kernel/charge_step.h"

SEC("syscall")
int run_step(struct charge_step *step)
{
	struct ubc_counter *c = counter_of(step->slot, step->resource);

	step->verdict = 0;
	switch (step->op) {
	case STEP_CHARGE:
		step->verdict = charge(c, step->amount, step->severity);
		if (step->verdict) /* as every hook does */
			tell_refusal(step->slot, step->resource, step->amount, UBC_HOOK_FORK, by(step->verdict, step->severity));
		return 0;
	case STEP_UNCHARGE:
		uncharge(c, step->amount);
		return 0;
	}
	return -1;
}

char _license[] SEC("license") = "GPL";

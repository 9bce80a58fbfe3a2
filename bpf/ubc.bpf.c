// SPDX-License-Identifier: GPL-2.0
/* All that runs in the kernel, one object: each program is optional, hook_plan.cpp says which are loaded on which kernel. */
#include "bpf/kernel_types.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#include "bpf/task_hooks.bpf.h"
#include "bpf/memory_hooks.bpf.h"
#include "bpf/locked_hooks.bpf.h"
#include "bpf/shmem_hooks.bpf.h"
#include "bpf/pty_hooks.bpf.h"
#include "bpf/file_hooks.bpf.h"
#include "bpf/socket_hooks.bpf.h"
#include "bpf/lock_hooks.bpf.h"
#include "bpf/ipc_hooks.bpf.h"
#include "bpf/gate_hooks.bpf.h"
#include "bpf/bpf_hooks.bpf.h"
#include "bpf/buffer_hooks.bpf.h"
#include "bpf/audit.bpf.h"
#include "bpf/kernel_memory_hooks.bpf.h"
#include "bpf/netfilter_hooks.bpf.h"
#include "bpf/user_beancounters.bpf.h"
#include "bpf/cgroup_hooks.bpf.h"
#include "bpf/census.bpf.h"
#include "bpf/lock_census.bpf.h"
#include "bpf/sighting.bpf.h"

char _license[] SEC("license") = "GPL";

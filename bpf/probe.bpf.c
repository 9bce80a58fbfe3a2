// SPDX-License-Identifier: GPL-2.0
/* One empty program for each thing that a kernel may lack: kernel_support.cpp loads and attaches each alone, and learns by trying. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("lsm/task_alloc")
int probe_lsm(void *ctx)
{
	return 0;
}

SEC("lsm/file_alloc_security")
int probe_lsm_file_alloc(void *ctx)
{
	return 0;
}

SEC("fmod_ret/security_task_alloc")
int probe_fmod_ret(void *ctx)
{
	return 0;
}

SEC("fentry/release_task")
int probe_fentry(void *ctx)
{
	return 0;
}

SEC("kprobe/release_task")
int probe_kprobe(void *ctx)
{
	return 0;
}

SEC("iter/task")
int probe_iter(void *ctx)
{
	return 0;
}

char _license[] SEC("license") = "GPL";

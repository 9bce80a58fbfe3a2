/* SPDX-License-Identifier: GPL-2.0 */
/* kmemsize: what is refused is the call that would take more kernel memory, by what the memory controller says the container has. That sum is up to
 * two seconds old. What came and went since of tasks, files and sockets the ledger knows to the object, and what a fork copies of page tables is
 * known when it asks, so that a storm of those does not pass; what nobody knows (page tables that fill, pipes' buffers) passes for as long as the
 * sum is old, within memory.max. A group of hooks: attached with the first number on kmemsize. */
#include "bpf/memcg.bpf.h"
#include "bpf/objects.bpf.h"

#define KERNEL_STACK (4UL << PAGE_SHIFT_)

/* The controller's sum when it last changed, what the ledger held then, and the processes since that are copies: how many, and how much of page
 * tables they copied. */
struct kernel_sum {
	u64 kept_bytes, tasks, files, sockets;
	u64 copies, copied_bytes;
};

/* Not shared with other versions: each finds its own within two seconds. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, UBC_MAX_SLOTS);
	__type(key, u32);
	__type(value, struct kernel_sum);
} kernel_sums SEC(".maps");

static __always_inline u64 held_of(u32 slot, u32 resource)
{
	return *(volatile u64 *)&counter_of(slot, resource)->held;
}

static __always_inline u64 size_of_task(void)
{
	return KERNEL_STACK + bpf_core_type_size(struct task_struct);
}

/* Of those that are left: most that were forked may be gone. */
static __always_inline u64 bytes_copied(const struct kernel_sum *sum, s64 more_tasks)
{
	u64 copies = sum->copies;

	if (!copies || more_tasks <= 0)
		return 0;
	return (u64)more_tasks < copies ? sum->copied_bytes / copies * (u64)more_tasks : sum->copied_bytes;
}

/* What the objects take that came since the controller summed up, less those that went. */
static __always_inline s64 bytes_since(u32 slot, u64 kept_bytes)
{
	struct kernel_sum *sum = bpf_map_lookup_elem(&kernel_sums, &slot);
	s64 more_tasks;
	u64 tasks = held_of(slot, UBC_NUMPROC), files = held_of(slot, UBC_NUMFILE);
	u64 sockets = held_of(slot, UBC_NUMTCPSOCK) + held_of(slot, UBC_NUMOTHERSOCK);

	if (!sum)
		return 0;
	if (sum->kept_bytes != kept_bytes) {
		sum->kept_bytes = kept_bytes;
		sum->tasks = tasks;
		sum->files = files;
		sum->sockets = sockets;
		sum->copies = sum->copied_bytes = 0;
	}
	more_tasks = tasks - sum->tasks;
	return more_tasks * (s64)size_of_task() + (s64)bytes_copied(sum, more_tasks) +
	       (s64)(files - sum->files) * (s64)bpf_core_type_size(struct file) +
	       (s64)(sockets - sum->sockets) * (s64)bpf_core_type_size(struct sock);
}

/* The number becomes the ledger's word, and is held to what is said. */
static __always_inline int is_over_with(struct ubc_counter *c, u32 slot, u64 kept_bytes, u64 amount)
{
	s64 now = (s64)kept_bytes + bytes_since(slot, kept_bytes);

	*(volatile u64 *)&c->held = now > 0 ? now : 0;
	raise_maxheld(c, c->held);
	return is_over(c, amount, UBC_REFUSE_OVER_BARRIER);
}

/* A guest's group is the cgroup above it; an adopted container's lies wherever its owner made it, so that its group does not cap this. */
static __always_inline int group_is_over(const struct cgroup *cgroup, struct ubc_counter *c, u64 amount)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct ubc_counter *group = group_of(c);
	const void *memcg;

	if (!has_number(group) || !slot_of_uid(task->cred->uid.val))
		return 0;
	memcg = memcg_of(BPF_CORE_READ(cgroup, self.parent, cgroup));
	return memcg && is_over_with(group, c->group >> UBC_CHARGE_SLOT_SHIFT, kernel_memory_of(memcg).kept_bytes, amount);
}

static __always_inline void note_copy(u32 slot, u64 tables_bytes)
{
	struct kernel_sum *sum = bpf_map_lookup_elem(&kernel_sums, &slot);

	if (!sum)
		return;
	__sync_fetch_and_add(&sum->copied_bytes, tables_bytes);
	__sync_fetch_and_add(&sum->copies, 1);
}

/* 0: `amount` bytes more may come; -1: not, and it is told. */
VERIFIED_ALONE int look_at_kernel_memory(u32 slot, u64 amount, u32 hook)
{
	struct ubc_counter *c = counter_of(slot, UBC_KMEMSIZE);
	struct ubc_container *container = bpf_map_lookup_elem(&containers, &slot);
	const struct cgroup *cgroup = container ? own_cgroup(container->cgroup_id) : 0;
	const void *memcg = cgroup ? memcg_of(cgroup) : 0;
	int refused;

	if (!memcg)
		return 0;
	if (is_over_with(c, slot, kernel_memory_of(memcg).kept_bytes, amount))
		refused = REFUSED;
	else
		refused = group_is_over(cgroup, c, amount) ? REFUSED_BY_GROUP : 0;
	if (refused)
		tell_refusal(slot, UBC_KMEMSIZE, amount, hook, by(refused, UBC_REFUSE_OVER_BARRIER));
	return refused ? -1 : 0;
}

/* The current task's slot where it has a number, else 0. */
static __always_inline u32 limited_slot(void)
{
	u32 slot = slot_of_current();

	return slot && is_limited(slot, UBC_KMEMSIZE) ? slot : 0;
}

static __always_inline int gate_kernel_memory(u64 amount, u32 hook)
{
	u32 slot = limited_slot();

	return slot ? look_at_kernel_memory(slot, amount, hook) : 0;
}

SEC("lsm/task_alloc")
int BPF_PROG(gate_kernel_task, struct task_struct *child, u64 clone_flags, int ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mm_struct *mm = clone_flags & CLONE_VM_ ? 0 : task->mm;
	u64 tables_bytes = mm ? mm->pgtables_bytes.counter : 0;
	u32 slot = ret ? 0 : limited_slot();

	if (!slot)
		return ret;
	if (look_at_kernel_memory(slot, size_of_task() + tables_bytes, UBC_HOOK_FORK))
		return -ENOMEM_;
	if (mm)
		note_copy(slot, tables_bytes);
	return 0;
}

SEC("lsm/file_alloc_security")
int BPF_PROG(gate_kernel_file, struct file *file, int ret)
{
	return ret ? ret : gate_kernel_memory(bpf_core_type_size(struct file), UBC_HOOK_FILE) ? -ENOMEM_ : 0;
}

/* These two where that hook is not: eventfd, epoll and their kind pass. */
SEC("lsm/file_open")
int BPF_PROG(gate_kernel_open, struct file *file, int ret)
{
	return ret ? ret : gate_kernel_memory(bpf_core_type_size(struct file), UBC_HOOK_FILE) ? -ENOMEM_ : 0;
}

SEC("lsm/inode_alloc_security")
int BPF_PROG(gate_kernel_pipe, struct inode *inode, int ret)
{
	struct super_block *sb = inode->i_sb;

	if (ret || !sb || sb->s_magic != PIPEFS_MAGIC_)
		return ret;
	return gate_kernel_memory(2 * bpf_core_type_size(struct file), UBC_HOOK_FILE) ? -ENOMEM_ : 0;
}

SEC("lsm/socket_create")
int BPF_PROG(gate_kernel_socket, int family, int type, int protocol, int kernel, int ret)
{
	if (ret || kernel)
		return ret;
	return gate_kernel_memory(bpf_core_type_size(struct sock), UBC_HOOK_SOCKET) ? -ENOBUFS_ : 0;
}

SEC("lsm/mmap_file")
int BPF_PROG(gate_kernel_mapping, struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags, int ret)
{
	return ret ? ret : gate_kernel_memory(bpf_core_type_size(struct vm_area_struct), UBC_HOOK_MEMORY) ? -ENOMEM_ : 0;
}

SEC("lsm/msg_queue_msgsnd")
int BPF_PROG(gate_kernel_message, struct kern_ipc_perm *perm, struct msg_msg *message, int flags, int ret)
{
	return ret ? ret : gate_kernel_memory(bpf_core_type_size(struct msg_msg) + message->m_ts, UBC_HOOK_MSGSND) ? -ENOMEM_ : 0;
}

SEC("lsm/sb_mount")
int BPF_PROG(gate_kernel_mount, const char *name, const struct path *where, const char *type, unsigned long flags, void *data, int ret)
{
	return ret ? ret : gate_kernel_memory(bpf_core_type_size(struct mount), UBC_HOOK_MOUNT) ? -ENOMEM_ : 0;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* kmemsize: what is refused is the call that would take more kernel memory, by what the memory controller says the container has. That sum is up to
 * two seconds old. What came and went since of tasks, files and sockets the ledger knows to the object, and what a fork copies of page tables is
 * known when it asks, so that a storm of those does not pass; what nobody knows (page tables that fill, pipes' buffers) passes for as long as the
 * sum is old, within memory.max. A group of hooks: attached with the first number on kmemsize. */
#include "bpf/memcg.bpf.h"
#include "bpf/objects.bpf.h"

#define KERNEL_STACK (4UL << PAGE_SHIFT_)
#define LOOK_EVERY 25 /* jiffies: a tenth of a second, as Debian's kernels tick */

/* The controller's sum when it last changed, what the ledger held then, and the processes since that are copies: how many, and how much of page
 * tables they copied. */
struct kernel_sum {
	u64 kept_bytes, tasks, files, sockets;
	u64 copies, copied_bytes;
	u64 looked_at; /* jiffies */
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

static __always_inline u64 sockets_of(u32 slot)
{
	return held_of(slot, UBC_NUMTCPSOCK) + held_of(slot, UBC_NUMOTHERSOCK);
}

/* What the objects take that came since the controller summed up, less those that went. */
static __always_inline s64 bytes_since(const struct kernel_sum *sum, u32 slot)
{
	s64 more_tasks = held_of(slot, UBC_NUMPROC) - sum->tasks;

	return more_tasks * (s64)size_of_task() + (s64)bytes_copied(sum, more_tasks) +
	       (s64)(held_of(slot, UBC_NUMFILE) - sum->files) * (s64)bpf_core_type_size(struct file) +
	       (s64)(sockets_of(slot) - sum->sockets) * (s64)bpf_core_type_size(struct sock);
}

static __always_inline void take_sum(u32 slot, const void *memcg)
{
	struct kernel_sum *sum = bpf_map_lookup_elem(&kernel_sums, &slot);
	u64 kept_bytes = memcg ? kernel_memory_of(memcg).kept_bytes : 0;

	if (!sum || sum->kept_bytes == kept_bytes)
		return;
	sum->kept_bytes = kept_bytes;
	sum->tasks = held_of(slot, UBC_NUMPROC);
	sum->files = held_of(slot, UBC_NUMFILE);
	sum->sockets = sockets_of(slot);
	sum->copies = sum->copied_bytes = 0;
}

/* A guest's group is the cgroup above it; an adopted container's lies wherever its owner made it, so that its group does not cap this. */
static __always_inline u32 group_with_cgroup(u32 slot)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return slot_of_uid(task->cred->uid.val) ? counter_of(slot, UBC_KMEMSIZE)->group >> UBC_CHARGE_SLOT_SHIFT : 0;
}

VERIFIED_ALONE int take_sums(u32 slot)
{
	struct ubc_container *container = bpf_map_lookup_elem(&containers, &slot);
	const struct cgroup *cgroup = container ? own_cgroup(container->cgroup_id) : 0;
	u32 group = group_with_cgroup(slot);

	if (!cgroup)
		return 0;
	take_sum(slot, memcg_of(cgroup));
	if (group)
		take_sum(group, memcg_of(BPF_CORE_READ(cgroup, self.parent, cgroup)));
	return 0;
}

/* The number becomes the ledger's word, and is held to what is said. */
static __always_inline int is_over_with(u32 slot, const struct kernel_sum *sum, u64 amount)
{
	struct ubc_counter *c = counter_of(slot, UBC_KMEMSIZE);
	s64 now = (s64)sum->kept_bytes + bytes_since(sum, slot);

	*(volatile u64 *)&c->held = now > 0 ? now : 0;
	if (c->maxheld < c->held)
		raise_maxheld(c, c->held);
	return is_over(c, amount, UBC_REFUSE_OVER_BARRIER);
}

static __always_inline int group_is_over(u32 slot, u64 amount)
{
	u32 group = group_with_cgroup(slot);
	struct kernel_sum *sum = group ? bpf_map_lookup_elem(&kernel_sums, &group) : 0;

	return sum && has_number(counter_of(group, UBC_KMEMSIZE)) && is_over_with(group, sum, amount);
}

static __always_inline void note_copy(u32 slot, u64 tables_bytes)
{
	struct kernel_sum *sum = bpf_map_lookup_elem(&kernel_sums, &slot);

	if (!sum)
		return;
	__sync_fetch_and_add(&sum->copied_bytes, tables_bytes);
	__sync_fetch_and_add(&sum->copies, 1);
}

/* 0: `amount` bytes more may come; -1: not, and it is told. Reading the controller's sum is a thousand instructions, and it changes every two
 * seconds. */
static __always_inline int look_at_kernel_memory(u32 slot, u64 amount, u32 hook)
{
	struct kernel_sum *sum = bpf_map_lookup_elem(&kernel_sums, &slot);
	u64 now = bpf_jiffies64();
	int refused;

	if (!sum)
		return 0;
	if (now - sum->looked_at >= LOOK_EVERY) {
		sum->looked_at = now;
		take_sums(slot);
	}
	refused = is_over_with(slot, sum, amount) ? REFUSED : group_is_over(slot, amount) ? REFUSED_BY_GROUP : 0;
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

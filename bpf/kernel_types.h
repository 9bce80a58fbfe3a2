/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel fields that we read, each with its reason, and nothing else. No vmlinux.h: this is our statement of what we rely on.
 * preserve_access_index makes the loader move each access to where the running kernel has the field. */
#ifndef UBC_KERNEL_TYPES_H
#define UBC_KERNEL_TYPES_H

#include <linux/types.h>

#define __VMLINUX_H__ 1 /* bpf_tracing.h: pt_regs has the kernel's names (di, si, ...), not the C library's */

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

/* The kernel's numbers that its BTF does not carry, under names that no header of the C library claims. */
#define ENOMEM_ 12
#define EAGAIN_ 11
#define EINVAL_ 22
#define ENFILE_ 23
#define ENOSPC_ 28
#define ENOLCK_ 37
#define ENOBUFS_ 105
#define AF_UNIX_ 1
#define AF_INET_ 2
#define AF_INET6_ 10
#define AF_NETLINK_ 16
#define SOCK_STREAM_ 1
#define IPPROTO_TCP_ 6
#define IPPROTO_UDP_ 17
#define IPPROTO_MPTCP_ 262
#define MSG_DONTWAIT_ 0x40
#define SOL_SOCKET_ 1
#define SO_SNDBUF_ 7
#define SO_SNDBUFFORCE_ 32
#define TCP_LISTEN_ 10
#define CLONE_VM_ 0x100
#define EXIT_DEAD_ 0x10
#define PIPEFS_MAGIC_ 0x50495045
#define SOCKFS_MAGIC_ 0x534F434B
#define DEVPTS_MAGIC_ 0x1cd1
#define TMPFS_MAGIC_ 0x01021994
#define PTMX_DEVICE_ (5 << 20 | 2)
#define FIRST_PTY_INODE_ 3
#define SB_KERNMOUNT_ (1UL << 22)
#define PROT_WRITE_ 2
#define MAP_TYPE_ 0x0f
#define MAP_PRIVATE_ 2
#define MAP_GROWSDOWN_ 0x100
#define MAP_SHARED_ 1
#define MAP_SHARED_VALIDATE_ 3
#define MAP_ANONYMOUS_ 0x20
#define MAP_LOCKED_ 0x2000
#define MAP_NORESERVE_ 0x4000
#define MAP_HUGETLB_ 0x40000
#define VM_WRITE_ 2UL
#define VM_SHARED_ 8UL
#define VM_LOCKED_ 0x2000UL
#define SHM_LOCK_ 11
#define TS_COMPAT_ 2
#define SIGRTMIN_ 32
#define MS_REMOUNT_ 0x20
#define MS_BIND_ 0x1000
#define MS_MOVE_ 0x2000
#define MS_REC_ 0x4000
#define MS_PROPAGATION_ 0x1e0000
#define F_UNLCK_ 2
#define F_SETLEASE_ 1024
#define PAGE_SHIFT_ 12

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct { u32 val; } kuid_t;

struct user_namespace;
struct cred {
	kuid_t uid;                          /* whose is it: the real uid lies in the slot's range */
	struct user_namespace *user_ns;      /* whose creator's ucounts have what the kernel counts */
};
struct inode;
struct file {
	const struct cred *f_cred;           /* the opener's, also for a file opened by an io_uring worker */
	struct inode *f_inode;               /* a segment's; for a census: whose locks and what terminal */
	void *private_data;
};

struct kernfs_node { u64 id; };
struct cgroup;
struct cgroup_subsys_state { struct cgroup *cgroup; struct cgroup_subsys_state *parent; };
struct cgroup {
	struct cgroup_subsys_state self;     /* its parent: how to go up, and from whom a new cgroup inherits its container */
	struct kernfs_node *kn;              /* the id of a container's cgroup */
	struct cgroup_subsys_state *subsys[1]; /* by enum cgroup_subsys_id; only where they begin is used */
};
struct css_set { struct cgroup *dfl_cgrp; };

typedef struct { s64 counter; } atomic_long_t;
struct rw_semaphore {
	atomic_long_t count;                 /* bit 0: write-locked */
	atomic_long_t owner;                 /* the writer's task; bit 0: it was a reader, bit 1: a hint to spinners */
};
typedef struct { int counter; } atomic_t;
struct mm_struct {
	atomic_t mm_users;                   /* 0: exit_mmap has begun */
	unsigned long data_vm, stack_vm;     /* pages: private writable, and stack: what /proc/PID/status calls VmData + VmStk */
	unsigned long locked_vm;             /* pages: VmLck */
	unsigned long total_vm;              /* pages: what mlockall(MCL_CURRENT) asks for */
	atomic_long_t pgtables_bytes;        /* what a fork may copy */
	unsigned long def_flags;             /* VM_LOCKED: mlockall(MCL_FUTURE) */
	unsigned long brk;                   /* how much a brk() asks for */
	struct file *exe_file;               /* for who counts what lives: what it executes, which may be mapped as another */
	struct rw_semaphore mmap_lock;
};
struct vm_area_struct {
	unsigned long vm_start, vm_end, vm_flags; /* what an mprotect turns writable */
	struct mm_struct *vm_mm;
	struct file *vm_file;                /* a mapping holds it after the descriptor is closed; of a shared anonymous one: what holds its pages */
};

enum cgroup_subsys_id { memory_cgrp_id };
enum memcg_memory_event { MEMCG_MAX };
enum memcg_stat_item { MEMCG_KMEM };
enum node_stat_item { NR_SLAB_RECLAIMABLE_B };
struct page_counter { atomic_long_t usage; unsigned long watermark; };   /* pages */
struct memcg_vmstats { long state[1]; };     /* summed up by the kernel every two seconds; only where they begin is used */
struct mem_cgroup {
	struct cgroup_subsys_state css;
	struct page_counter memory;
	atomic_long_t memory_events[1];      /* by enum memcg_memory_event */
	struct memcg_vmstats *vmstats;
};
struct vm_area_desc { struct file *vm_file; };   /* the same before there is an area: 6.17 */

struct thread_info { u32 status; };          /* TS_COMPAT: inside a 32-bit system call */
struct task_struct {
	struct thread_info thread_info;
	const struct cred *cred;
	struct mm_struct *mm;
	struct nsproxy *nsproxy;             /* NULL: it is exiting */
	struct css_set *cgroups;             /* whose is it, for an iterator */
	int exit_state;                      /* EXIT_DEAD: reaped */
};

struct pt_regs {                             /* the system call's arguments */
	unsigned long r10, bx, cx, dx, si, di, orig_ax;
};

struct super_block { unsigned long s_flags, s_magic; void *s_fs_info; };
struct inode {                               /* a pipe's, a socket's or a memfd's announces a struct file */
	struct super_block *i_sb;
	s64 i_size;                          /* of a segment */
	kuid_t i_uid;                        /* who pays for a file of tmpfs */
	u64 i_blocks;                        /* its pages, swapped ones included, in blocks of 512 bytes */
	unsigned long i_ino;                 /* in devpts: a terminal's index, and 3 */
	u32 i_rdev;
	struct file_lock_context *i_flctx;   /* who holds which lock, for a census */
};
struct shmem_inode_info {
	unsigned long flags;                 /* whether it is paid for by the page */
	struct inode vfs_inode;
};

typedef struct { atomic_t refs; } refcount_t;
struct sock_common { u16 skc_family; volatile u8 skc_state; };
struct sock {
	struct sock_common __sk_common;
	kuid_t sk_uid;                       /* of whom it was made: outside every slot, it is nobody's, and that is all we look at */
	u16 sk_protocol, sk_type;
	int sk_wmem_queued;                  /* bytes of a TCP send queue */
	refcount_t sk_wmem_alloc;            /* one more than the bytes of all others' sent, not yet consumed packets */
	struct { atomic_t rmem_alloc; int len; struct sk_buff *head; } sk_backlog; /* bytes received; what waits for a call that has it */
	int sk_forward_alloc;                /* bytes that it took from the kernel's account and has not used */
	int sk_sndbuf, sk_rcvbuf;            /* how far the kernel itself lets it go */
	int sk_write_pending;                /* senders that sleep until there is room */
};
struct tcp_sock {
	u16 advmss;                          /* what one segment may bring, for the shares between barrier and limit */
	u32 max_window, mss_cache;           /* how small the packets get that a send is cut into */
};
struct socket { short type; struct sock *sk; };
struct pts_fs_info;                          /* an instance of devpts: its address only */
struct kern_ipc_perm { int id; };            /* likewise of a SysV object */
struct shmid_kernel {                        /* what a segment's permissions lie in: how much a SHM_LOCK locks */
	struct kern_ipc_perm shm_perm;
	unsigned long shm_segsz;
};
struct ipc_ids;

struct list_head { struct list_head *next; };
struct file_lock_context { struct list_head flc_flock, flc_posix; };
struct file_lock_core { struct list_head flc_list; struct file *flc_file; };
struct file_lock { struct file_lock_core c; };   /* whose file is locked: NULL in one that was allocated and not needed */
struct file_lock___before_6_9 { struct list_head fl_list; struct file *fl_file; };
struct tty_struct { int index; void *driver_data; }; /* of a master: its devpts instance */
struct tty_file_private { struct tty_struct *tty; };

struct ucounts {
	kuid_t uid;                          /* who made the namespaces that are counted here */
	atomic_long_t ucount[1];             /* by enum ucount_type; only where they begin is used */
	atomic_long_t rlimit[1];             /* by enum rlimit_type */
};
struct user_namespace {
	struct user_namespace *parent;
	int level;                           /* 1: its parent is the host's */
	kuid_t owner;                        /* who made it: whose a network namespace is */
	struct ucounts *ucounts;             /* of its creator: what is in it and below it */
};
enum ucount_type { UCOUNT_USER_NAMESPACES, UCOUNT_INOTIFY_INSTANCES, UCOUNT_INOTIFY_WATCHES };
enum rlimit_type { UCOUNT_RLIMIT_SIGPENDING };

struct net { struct user_namespace *user_ns; };
struct nsproxy { struct mnt_namespace *mnt_ns; struct net *net_ns; };
struct mnt_namespace { unsigned int nr_mounts; };
struct mnt_namespace___before_6_8 { unsigned int mounts; };
struct vfsmount { int mnt_flags; };
struct path { struct vfsmount *mnt; };
struct mount {                               /* what a struct vfsmount lies in: whether it is attached, and where */
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
};
struct kernel_siginfo;
struct msg_msg { unsigned long m_ts; };       /* bytes of a SysV message */
struct bpf_map;                              /* a BPF object: its address only */
struct bpf_prog;
struct bpf_prog_aux;
struct sk_buff { struct sock *sk; unsigned int len, truesize; unsigned char *data; };
struct nfnl_info { struct net *net; };       /* in modules: of a message of nftables */
struct nft_ctx { struct net *net; };
struct xt_table_info { unsigned int number; };
struct msghdr { unsigned int msg_flags; };   /* MSG_DONTWAIT: this sender does not sleep */

struct seq_file;
struct bpf_iter_meta { struct seq_file *seq; u64 session_id, seq_num; };
struct bpf_iter__task { struct bpf_iter_meta *meta; struct task_struct *task; };
struct bpf_iter__bpf_map_elem { struct bpf_iter_meta *meta; struct bpf_map *map; void *key, *value; };
struct bpf_iter__task_file { struct bpf_iter_meta *meta; struct task_struct *task; u32 fd; struct file *file; };
struct bpf_iter__task_vma { struct bpf_iter_meta *meta; struct task_struct *task; struct vm_area_struct *vma; };

#pragma clang attribute pop

#endif

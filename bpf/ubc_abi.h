/* SPDX-License-Identifier: (GPL-2.0 OR Apache-2.0) */
/* The only definition of every struct and enum that both the BPF programs and userspace see. Plain C, fixed widths, no includes. */
#ifndef UBC_ABI_H
#define UBC_ABI_H

#ifdef __cplusplus
#define UBC_ABI_SIZE(type, size) static_assert(sizeof(struct type) == (size), "layout of " #type)
#else
#define UBC_ABI_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), "layout of " #type)
#endif

typedef unsigned char ubc_u8;
typedef unsigned short ubc_u16;
typedef unsigned int ubc_u32;
typedef unsigned long long ubc_u64;

/* Of all that is pinned: programs of two versions may share it where this is the same. Raise it when a field changes its meaning; one that
 * changes its size is told by the maps. */
#define UBC_LAYOUT 1

/* A limit that is not there. LONG_MAX, as OpenVZ had it: no amount is ever greater. */
#define UBC_UNLIMITED 0x7fffffffffffffffULL

/* OpenVZ's resource numbers (the rows of /proc/user_beancounters in order, and swappages after them). 4, 20, 21, 22 are dummy rows. */
enum ubc_resource {
	UBC_KMEMSIZE = 0,
	UBC_LOCKEDPAGES = 1,
	UBC_PRIVVMPAGES = 2,
	UBC_SHMPAGES = 3,
	UBC_NUMPROC = 5,
	UBC_PHYSPAGES = 6,
	UBC_VMGUARPAGES = 7,
	UBC_OOMGUARPAGES = 8,
	UBC_NUMTCPSOCK = 9,
	UBC_NUMFLOCK = 10,
	UBC_NUMPTY = 11,
	UBC_NUMSIGINFO = 12,
	UBC_TCPSNDBUF = 13,
	UBC_TCPRCVBUF = 14,
	UBC_OTHERSOCKBUF = 15,
	UBC_DGRAMRCVBUF = 16,
	UBC_NUMOTHERSOCK = 17,
	UBC_DCACHESIZE = 18,
	UBC_NUMFILE = 19,
	UBC_NUMIPTENT = 23,
	UBC_SWAPPAGES = 24,
	/* Beyond OpenVZ's: what a container can take of the host that a beancounter never counted. */
	UBC_NUMINOTIFY = 25,
	UBC_NUMWATCH = 26,
	UBC_NUMMSGQUEUE = 27,
	UBC_NUMSEMSET = 28,
	UBC_NUMUSERNS = 29,
	UBC_NUMMOUNT = 30,
	UBC_NUMBPF = 31,
	UBC_RESOURCES = 32, /* counters in a beancounter: a power of two, so that an index can be masked */
};

/* Which of the two numbers refuses. OpenVZ's UB_HARD, UB_SOFT, UB_FORCE (kernel/bc/beancounter.c, 2.6.32), by meaning. */
enum ubc_severity {
	UBC_REFUSE_OVER_BARRIER = 0,
	UBC_REFUSE_OVER_LIMIT = 1,
	UBC_NEVER_REFUSE = 2,
};

struct ubc_counter {             /* one resource of one container; all amounts in the resource's unit */
	ubc_u64 held;            /* now; changed by charge() and uncharge() only */
	ubc_u64 maxheld;         /* largest held since creation or reset; raised on success only */
	ubc_u64 barrier;         /* UBC_UNLIMITED: none */
	ubc_u64 limit;           /* UBC_UNLIMITED: none */
	ubc_u64 failcnt;         /* refused charges, ever */
	ubc_u64 logged_since;    /* CLOCK_MONOTONIC, ns: the second in which refusals are logged */
	ubc_u64 logged;          /* so many in it */
	ubc_u64 group;           /* the group's counter of the same resource, charged with this one: its offset in the ledger. 0: none; the
				  * host is no group. Fills the cache line: two resources never share one */
};
UBC_ABI_SIZE(ubc_counter, 64);

struct ubc_beancounter {         /* one container, or one group of them; its index in the ledger is its slot */
	struct ubc_counter counters[UBC_RESOURCES];
};
UBC_ABI_SIZE(ubc_beancounter, 2048);

/* Slot 0 is the host: never charged. A slot fits 12 bits of a record's charge word. */
#define UBC_MAX_SLOTS 4096
#define UBC_IDS_PER_SLOT 65536

/* One charged object. `charge` packs amount (41 bits) | slot (12) | resource (5) | flags (6), so that one compare-and-swap moves all. Slot and
 * resource lie where they are the counter's offset in the ledger: a hook finds it by one mask. */
struct ubc_record {
	ubc_u64 address;         /* of the kernel object; 0: free */
	ubc_u64 charge;
};
UBC_ABI_SIZE(ubc_record, 16);

#define UBC_CHARGE_FLAG_BITS 6 /* log2 of a counter's size */
#define UBC_CHARGE_RESOURCE_BITS 5
#define UBC_CHARGE_SLOT_BITS 12
#define UBC_CHARGE_RESOURCE_SHIFT UBC_CHARGE_FLAG_BITS
#define UBC_CHARGE_SLOT_SHIFT (UBC_CHARGE_RESOURCE_SHIFT + UBC_CHARGE_RESOURCE_BITS)
#define UBC_CHARGE_AMOUNT_SHIFT (UBC_CHARGE_SLOT_SHIFT + UBC_CHARGE_SLOT_BITS)
#define UBC_CHARGE_MAX_AMOUNT ((1ULL << (64 - UBC_CHARGE_AMOUNT_SHIFT)) - 1)
UBC_ABI_SIZE(ubc_counter, 1 << UBC_CHARGE_RESOURCE_SHIFT);
UBC_ABI_SIZE(ubc_beancounter, 1 << UBC_CHARGE_SLOT_SHIFT);

/* Records in the largest object table, as a power of two. */
#define UBC_MAX_OBJECT_BITS 24

/* Cgroups of adopted containers: a table that the low bits of a cgroup's id index. A word is the id's other bits | slot (12 bits); 0: free. */
#define UBC_CGROUP_INDEX_BITS 16
#define UBC_CGROUP_SLOTS (1 << UBC_CGROUP_INDEX_BITS)
#define UBC_CGROUPS_ASIDE 8192   /* that share a place with another */

/* What userspace asks of the program `request`; its answer is the return value, negative: an errno. */
enum ubc_request_kind {
	UBC_MAP_CGROUP = 1,      /* the cgroup pays from the slot; ENOSPC */
	UBC_UNMAP_CGROUP = 2,
	UBC_FIND_CGROUP = 3,     /* answers the slot that it pays from */
	UBC_FORGET_SLOT = 4,     /* its cgroups are unmapped, what it is charged for is given back */
};

struct ubc_request {
	ubc_u64 cgroup_id;
	ubc_u32 slot;
	ubc_u32 kind;            /* enum ubc_request_kind */
};
UBC_ABI_SIZE(ubc_request, 16);

/* Who has a slot while it runs; its index is the slot. */
struct ubc_container {
	ubc_u64 cgroup_id;
	ubc_u32 id;              /* the container's number; 0: nobody */
	ubc_u32 reserved;
};
UBC_ABI_SIZE(ubc_container, 16);
#define UBC_RESOURCE_NAME 16 /* room for a resource's name and its NUL */

/* An object that a task shows, beside what its record says: what the iterators sight_* write. */
struct ubc_sighting {
	ubc_u64 object;          /* tells it from others; no address */
	ubc_u64 amount;          /* what it is worth now, in the resource's unit */
	ubc_u64 charged;         /* what the record says; 0: there is none */
	ubc_u32 slot;            /* the record's; without one whose it is, 0 where nobody can tell */
	ubc_u32 resource;
};
UBC_ABI_SIZE(ubc_sighting, 32);

/* What went uncounted or unreported, by reason. ubcd and `ubctl doctor` show each. */
enum ubc_loss {
	UBC_LOSS_OBJECT_TABLE_FULL = 0,  /* an object of an unlimited resource went uncounted */
	UBC_LOSS_OBJECT_REFUSED = 1,     /* ... of a limited one was refused instead */
	UBC_LOSS_NOT_LOGGED = 2,         /* a refusal above UBC_LOGGED_A_SECOND; counted all the same */
	UBC_LOSS_UNCHARGE_TOO_MUCH = 3,  /* held would have gone below zero */
	UBC_LOSS_FREE_MISSED = 4,        /* an insert found its own address: the free before it was skipped */
	UBC_LOSS_REFUSAL_SKIPPED = 5,    /* an object over its barrier could not be refused (kernel-facts: preemptible kernels) */
	UBC_LOSS_ACCEPT_OVER = 6,        /* two handshakes finished at once at the barrier of numtcpsock */
	UBC_LOSS_CGROUP_UNMAPPED = 7,    /* no room for a cgroup made inside an adopted one; found by its ancestors until room is made */
	UBC_LOSSES = 8,
};

struct ubc_health {              /* one for the host */
	ubc_u64 losses[UBC_LOSSES];
	ubc_u64 overflow_records; /* records in the hash map now */
	ubc_u64 reserved[7];
};
UBC_ABI_SIZE(ubc_health, 128);

struct ubc_settings {            /* one for the host; userspace writes, hooks read */
	ubc_u64 cgroup_slots;    /* entries in the cgroup map: 0 skips that look-up */
	ubc_u64 fork_errno;      /* what a refused fork returns: ENOMEM as OpenVZ had it, or EAGAIN */
	ubc_u64 uid_base;        /* as the loaded programs have it */
	ubc_u64 object_bits;     /* likewise */
	ubc_u64 preemptible;     /* tracing programs can be skipped: audit when recursion misses grew */
	ubc_u64 audited_misses;  /* sum of recursion misses at the last audit */
	ubc_u64 cgroups_aside;   /* entries of the cgroup map that share a place with another: 0 skips the hash map */
	ubc_u64 census;          /* whom the census is for: slot | the slot that paid so far << 16 */
};
UBC_ABI_SIZE(ubc_settings, 64);

/* One refusal: in the log, and as the last one of its container and resource. */
struct ubc_refusal {
	ubc_u64 sequence;        /* in the log: its number from 1, written last. As a last one: 0 none yet, UBC_BEING_WRITTEN */
	ubc_u64 time_ns;         /* CLOCK_MONOTONIC */
	ubc_u64 amount, held, barrier, limit; /* of the counter that refused, in the resource's unit; held as it was before the charge */
	ubc_u32 slot;            /* whose charge it was */
	ubc_u32 resource;
	ubc_u32 pid;             /* thread group id in the initial pid namespace; 0: an interrupt's, nobody's */
	ubc_u32 uid;             /* in the initial user namespace */
	ubc_u32 hook;            /* enum ubc_hook */
	ubc_u16 severity;
	ubc_u16 group;           /* the slot of the group that refused; 0: the container's own numbers did */
	ubc_u32 system_call;     /* its number; UBC_NO_SYSTEM_CALL: refused outside of one */
	ubc_u32 compat;          /* 1: a number of the 32-bit table */
	char comm[16];
};
UBC_ABI_SIZE(ubc_refusal, 96);
#define UBC_BEING_WRITTEN (~0ULL)
#define UBC_NO_SYSTEM_CALL (~0U)

/* The last refusal of each resource of one container, or by one group; its index is the slot. There with nobody listening. */
struct ubc_last_refusals {
	struct ubc_refusal of[UBC_RESOURCES];
};
UBC_ABI_SIZE(ubc_last_refusals, 3072);

/* The latest refusals of all containers, a ring that readers follow each with a cursor of their own; what a reader was too slow for, it
 * sees by the numbers that it missed. */
#define UBC_LOG_ENTRIES 4096
struct ubc_refusal_log {
	ubc_u64 written;         /* entries ever */
	ubc_u64 reserved[11];
	struct ubc_refusal entries[UBC_LOG_ENTRIES]; /* number n at (n - 1) % UBC_LOG_ENTRIES */
};

/* So many refusals of one resource of one container are logged in a second; the rest are counted only: a hog must not push all else out. */
#define UBC_LOGGED_A_SECOND 20

enum ubc_hook {                  /* which hook refused */
	UBC_HOOK_FORK = 1,
	UBC_HOOK_FILE = 2,
	UBC_HOOK_SOCKET = 3,
	UBC_HOOK_UNIX_CONNECT = 4,
	UBC_HOOK_MEMORY = 6,     /* mmap, brk, mremap, mprotect, fork's copy */
	UBC_HOOK_JOIN = 7,       /* a task entering the container */
	UBC_HOOK_LOCK = 20,      /* flock, fcntl: a lock, or an unlock that splits one */
	UBC_HOOK_PTY = 21,       /* open of ptmx */
	UBC_HOOK_MSGGET = 22,
	UBC_HOOK_SEMGET = 23,
	UBC_HOOK_WATCH = 24,     /* inotify_add_watch, fanotify_mark */
	UBC_HOOK_USERNS = 25,    /* clone or unshare of a user namespace */
	UBC_HOOK_MOUNT = 26,     /* mount, move_mount */
	UBC_HOOK_SIGNAL = 27,    /* sigqueue, or kill with a real-time signal */
	UBC_HOOK_BPF = 28,       /* bpf: a map or a program */
	UBC_HOOK_SEND = 40,      /* send, sendmsg, write to a socket */
	UBC_HOOK_MLOCK = 41,     /* mlock, mlockall, MAP_LOCKED, SHM_LOCK */
	UBC_HOOK_SHMEM = 42,     /* shmget, mmap of shared anonymous memory, a block of tmpfs or of a memfd */
	UBC_HOOK_MSGSND = 43,    /* msgsnd: its message */
	UBC_HOOK_RULE = 44,      /* a rule of nftables, or a table of iptables */
	/* From here on in interrupts: the current task has nothing to do with it. */
	UBC_HOOK_IN_INTERRUPT = 128,
	UBC_HOOK_TCP_ACCEPT = 129,
	UBC_HOOK_RECEIVE = 130,  /* a packet that came in, dropped */
};

#endif

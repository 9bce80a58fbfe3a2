// SPDX-License-Identifier: Apache-2.0
// What ubcd leaves itself before it answers anybody: one capability, and the system calls that its work takes. Data first: whoever teaches
// ubcd something new adds its calls here, with the reason; tests/programs/ubcd_test.cpp runs it through all that it does.
#pragma once

#include <sys/capability.h>

#include <array>
#include <string_view>

#include "os/result.h"

namespace ubc::exporter {

/// The kernel lets nobody without it ask an attached program how often it was skipped, or run one of the iterators.
inline constexpr auto kKeptCapabilities = std::to_array<cap_value_t>({CAP_SYS_ADMIN});

// clang-format off: by what they are for
/// Any other call ends it with SIGSYS.
inline constexpr auto kAllowedCalls = std::to_array<std::string_view>({
    // files of the host, its cgroups and its containers
    "openat", "open", "close", "read", "readv", "pread64", "write", "writev", "lseek", "fstat", "stat", "lstat", "newfstatat", "statx",
    "getdents64", "readlink", "readlinkat", "access", "faccessat", "faccessat2", "fcntl", "ioctl", "quotactl_fd", "getcwd",
    // the books
    "bpf", "pidfd_open",
    // the wire, and systemd's socket
    "socket", "bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername", "setsockopt", "getsockopt", "shutdown",
    "sendto", "sendmsg", "recvfrom", "recvmsg", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2", "timerfd_create",
    "timerfd_settime", "poll", "ppoll", "pipe2", "socketpair",
    // memory and threads
    "mmap", "munmap", "mremap", "mprotect", "brk", "madvise", "futex", "clone", "clone3", "set_robust_list", "rseq", "sched_getaffinity",
    "sched_yield", "gettid", "membarrier", "exit", "exit_group",
    // signals and time
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigaltstack", "restart_syscall", "tgkill", "clock_gettime",
    "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
    // about itself and the machine
    "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getrusage", "getrlimit", "prlimit64", "sysinfo", "uname", "getrandom",
    "getcpu", "capget", "prctl",
});
// clang-format on

/// All capabilities but kKeptCapabilities are gone, for good, from every set. One of them that it had not stays not had.
[[nodiscard]] Result<> drop_capabilities();
/// Nothing but kAllowedCalls, for all its threads and for good.
[[nodiscard]] Result<> confine_calls();

}  // namespace ubc::exporter

// SPDX-License-Identifier: Apache-2.0
// Processes without races: clone3, pidfds, and a pid that is known again by its start time.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::os {

/// clone3 with fork's semantics: 0 in the child, its pid in the caller. `cgroup_fd` >= 0: the child is born in that cgroup.
/// `exit_signal` 0 needs waitpid(…, __WALL). On failure -1 and errno, as clone3.
[[nodiscard]] pid_t clone_process(std::uint64_t flags, int cgroup_fd, int exit_signal);

/// A child that has our memory as well, while we wait for it to end (CLONE_VM | CLONE_VFORK): no page table is copied, and what it stores
/// we see. Its descriptors, namespaces, credentials and signal handlers are its own. `body` returns its exit status. Its pid is still to be
/// waited for; -1 and errno where there was none.
[[nodiscard]] pid_t run_as_child(const std::function<int()>& body);

/// A process, held: the pid can't be another's while this is open.
[[nodiscard]] Result<Fd> open_pidfd(pid_t pid);
/// pidfd_send_signal(2).
[[nodiscard]] Result<> send_signal(const Fd& pidfd, int signal);
/// True when it has ended within `patience`; a negative one waits for ever.
[[nodiscard]] Result<bool> wait_for_exit(const Fd& pidfd, std::chrono::milliseconds patience);

/// Field 22 of /proc/PID/stat, in clock ticks since boot: with the pid it names a process for as long as the host is up.
[[nodiscard]] Result<std::uint64_t> start_time_of(pid_t pid);

/// Waits for a child: exit status, or 128 + signal.
[[nodiscard]] Result<int> wait_for_child(pid_t pid);

/// For execve: pointers into `texts`, which must outlive them, and a null pointer at the end.
[[nodiscard]] std::vector<char*> pointers_to(const std::vector<std::string>& texts);

struct Pipe {
  Fd read_end, write_end;
  /// pipe2(2), both ends close-on-exec.
  [[nodiscard]] static Result<Pipe> make();
};

}  // namespace ubc::os

// SPDX-License-Identifier: Apache-2.0
// Processes that belong to a container without a guest around them: a child that takes the slot's uid. And the ledger as a test reads it.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <functional>

#include "bpf/attached_hooks.h"
#include "bpf/ledger.h"
#include "tests/support/shared.h"

namespace ubc::test {

inline constexpr std::uint32_t kUidBase = 0x10000000;
inline constexpr const char* kContainersCgroup = "/sys/fs/cgroup/ubc";

/// The hooks that decide_hooks() picks for this kernel, attached once for the whole test program and taken off at its end.
/// A kernel that can't have them fails the test that asks.
bpf::Ledger& attached_ledger();

/// The group's hooks attached as well (those of cgroups to kContainersCgroup, made for it), from now on until the end of the test program.
void attach_group(bpf::HookGroup group);
/// Takes them off again, which ubctl never does: for tests of what attaching finds.
void detach_group(bpf::HookGroup group);

/// A child process; killed and reaped with its owner.
class Process {
 public:
  /// Runs `body` in a child of this process. Its return value is the exit status.
  explicit Process(const std::function<int()>& body);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Exit status, or 128 + signal.
  int wait();
  void kill();

 private:
  pid_t pid_ = -1;
};

/// Runs `body` in a child whose uid is the slot's (its root), and returns its exit status. 200: it could not join.
int run_in(std::uint32_t slot, const std::function<int()>& body);
/// The same without waiting.
std::function<int()> joined(std::uint32_t slot, std::function<int()> body);

/// `body` as root of a user namespace of the slot's own, with a mount namespace, and whatever other `namespaces` (CLONE_NEW...). 211 to
/// 213: it could not become that.
std::function<int()> guest(std::uint32_t slot, std::function<int()> body, int namespaces = 0);
int run_guest(std::uint32_t slot, const std::function<int()>& body);

/// A slot that no other test of this program has used, with all counters unlimited and zero.
std::uint32_t fresh_slot();

std::uint64_t held(std::uint32_t slot, ubc_resource resource);
std::uint64_t failcnt(std::uint32_t slot, ubc_resource resource);
std::uint64_t maxheld(std::uint32_t slot, ubc_resource resource);
void limit(std::uint32_t slot, ubc_resource resource, std::uint64_t barrier, std::uint64_t limit);

/// Waits up to five seconds of RCU for held to become `want`, and returns what it is then.
std::uint64_t settled(std::uint32_t slot, ubc_resource resource, std::uint64_t want);

/// VmData + VmStk of /proc/PID/status in pages; 0: the process is gone.
std::uint64_t private_pages(pid_t pid);

/// Waits for the condition up to ten seconds of sleep.
template <typename Condition>
bool comes_true(Condition condition) {
  for (int tries = 0; tries < 1000 && !condition(); ++tries) (void)::usleep(10'000);
  return condition();
}

}  // namespace ubc::test

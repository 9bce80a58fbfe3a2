// SPDX-License-Identifier: Apache-2.0
// Loads, configures, attaches and pins a plan's hooks. Once pinned they outlive every process of ours.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/hook_plan.h"
#include "bpf/ledger.h"
#include "os/result.h"

namespace ubc::bpf {

struct HookSettings {
  std::uint32_t uid_base = 0x10000000;   ///< slot n owns uids [uid_base + n·65536, +65536)
  unsigned object_bits = 20;             ///< 2^bits records of 16 bytes
  int fork_errno = 12;                   ///< what a refused fork returns: ENOMEM or EAGAIN
  std::array<std::string_view, UBC_RESOURCES> names{};   ///< of the resources, for the printed table; empty: a dummy row
};

/// Bits for a table that takes about 1/512 of this machine's memory: 2^20 records (16 MiB) for 8 GiB; at least 2^16, at most 2^24.
[[nodiscard]] unsigned object_bits_for(std::uint64_t memory_bytes);

/// True where a complete set of hooks is pinned.
[[nodiscard]] bool hooks_attached(const std::string& pins = kPinDirectory);

/// Attaches the plan's hooks of HookGroup::always and pins them below `pins` (a directory in a bpffs), or leaves nothing behind. What an
/// earlier attempt left half done is removed first. Needs root. The caller holds a lock against others that attach.
[[nodiscard]] Result<> attach_hooks(const HookPlan& plan, const HookSettings& settings, const std::string& pins = kPinDirectory);

/// Files beside the pins that print OpenVZ's table to whoever reads them: all announced containers, for the host; and the reader's own, for
/// mounting in a guest.
inline constexpr const char* kAllBeancounters = "user_beancounters";
inline constexpr const char* kOwnBeancounters = "own_beancounters";
/// Who has the slot from now on; one whose id is 0: nobody, so it is not printed.
[[nodiscard]] Result<> announce(std::uint32_t slot, const ubc_container& container, const std::string& pins = kPinDirectory);
/// True where the group is attached, too, and its census is done.
[[nodiscard]] bool group_attached(HookGroup group, const std::string& pins = kPinDirectory);

/// Attaches one more group of the plan's hooks to those that run, sharing their maps, and counts what it finds there (its census); or
/// leaves what was there as it was. Fails with Code::not_found where no hooks are attached, Code::exists where the group is. The caller
/// holds the lock of attach_hooks(). `cgroup`: of the containers, for the hooks that are attached to it.
[[nodiscard]] Result<> attach_group(const HookPlan& plan, HookGroup group, const std::string& cgroup,
                                    const std::string& pins = kPinDirectory);

/// True where the programs that are attached are those that this build would attach.
[[nodiscard]] bool programs_current(const std::string& pins = kPinDirectory);

/// Replaces all programs that are attached by this build's, in place: held, maxheld, failcnt and limits stay, and what happens meanwhile is
/// counted once and refused as before. Killed half way it leaves each hook with one program at least, and may be run again. Returns how
/// many programs there are now. Fails with Code::not_found where none are attached, with Code::unsupported where the books have another
/// layout. Of `settings` only what the books do not hold is taken. The caller holds the lock of attach_hooks().
[[nodiscard]] Result<std::size_t> upgrade_hooks(const HookPlan& plan, const HookSettings& settings, const std::string& cgroup,
                                                const std::string& pins = kPinDirectory);

/// Takes the hooks off and forgets the ledger. Charges are gone with it: for a host without containers.
[[nodiscard]] Result<> detach_hooks(const std::string& pins = kPinDirectory);

struct HookStatus {
  std::string program;
  std::uint64_t recursion_misses = 0;  ///< times that the kernel skipped it
  std::uint64_t runs = 0, run_ns = 0;  ///< only while the host counts them (sysctl kernel.bpf_stats_enabled)
};
[[nodiscard]] Result<std::vector<HookStatus>> read_hook_status(const std::string& pins = kPinDirectory);
/// Sum over all programs: grows only on a preemptible kernel.
[[nodiscard]] Result<std::uint64_t> recursion_misses(const std::string& pins = kPinDirectory);

/// Runs each iterator of the purpose once over all tasks of the host.
[[nodiscard]] Result<> run_iterators(const std::string& pins, Purpose purpose);
/// Runs the program that userspace changes the maps by: its answer, or a negative errno.
[[nodiscard]] Result<int> ask(const std::string& pins, const ubc_request& request);

/// Finds again what a skipped program missed. Walks every task of the host.
[[nodiscard]] Result<> audit(const std::string& pins = kPinDirectory);
/// audit(), if programs were skipped since the last one.
[[nodiscard]] Result<> audit_if_needed(Ledger& ledger, const std::string& pins = kPinDirectory);

/// Copies what the kernel counts by itself (numsiginfo, inotify, namespaces, mounts) to the ledger, for the container that `pid` is in; 0:
/// for all. A container without a process keeps what it had: Ledger::reset() clears it.
[[nodiscard]] Result<> publish_counts(pid_t pid, const std::string& pins = kPinDirectory);

}  // namespace ubc::bpf

// SPDX-License-Identifier: Apache-2.0
// Which programs go where on this kernel, and what each resource is worth for it. Pure: facts in, plan out.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/kernel_support.h"
#include "bpf/ubc_abi.h"

namespace ubc::bpf {

enum class HookKind : std::uint8_t { lsm, fmod_ret, fentry, fexit, tracepoint, kprobe, iterator, cgroup, request };

/// What a hook is for. Of a purpose's hooks the plan takes the first that this kernel has; `each` takes all that it has.
enum class Purpose : std::uint8_t {
  reap_task,
  free_task,
  free_mm,
  free_file,
  free_pty,
  free_ipc,
  free_shmem,
  free_map,
  free_prog,
  free_socket,                        // give back: attached before what charges
  charge_task,
  join,
  move_task,
  adopt_fork,
  reserve_mapping,
  reserve_growth,
  reserve_writable,
  true_up,
  true_up_locked,
  charge_segment_lock,
  true_up_shmem,
  charge_segment,
  charge_shared,
  reserve_segment,
  gate_segment,
  charge_file,
  refuse_file,
  refuse_open,
  reserve_files,
  charge_socket,
  charge_unix_accept,
  refuse_handshake,
  charge_accepted,
  charge_pty,
  refuse_pty,
  charge_msgqueue,
  charge_semset,
  gate_watch,
  gate_userns,
  gate_mount,
  gate_move_mount,
  charge_map,
  charge_prog,
  publish,                            // copies to the ledger what the kernel counts by itself
  inherit_cgroup,
  leave_cgroup,
  audit,
  census,
  sight,                              // writes what lives, beside what the books say of it
  request,                            // what userspace asks of the maps
  print,                              // the classic table, for whoever reads the pinned file

  free_buffers,
  reserve_send,
  after_send,
  after_release,
  charge_received,
  keep_sndbuf,
  audit_buffers,

  gate_kernel_task,
  gate_kernel_file,
  gate_kernel_pipe,
  gate_kernel_socket,
  gate_kernel_mapping,
  gate_kernel_message,
  gate_kernel_mount,

  count_rules,
  free_rules,
  gate_rules,

  free_lock,
  remember_lock,
  charge_lock,
  census_locks,

  gate_signal,
};

/// Hooks that are attached together. `always`: with the first container. The others cost their paths only where somebody set a number.
enum class HookGroup : std::uint8_t { always, socket_buffers, kernel_memory, netfilter, locks, signals };
inline constexpr auto kHookGroups = std::to_array(
    {HookGroup::always, HookGroup::socket_buffers, HookGroup::kernel_memory, HookGroup::netfilter, HookGroup::locks, HookGroup::signals});
[[nodiscard]] HookGroup group_of(Purpose purpose);
[[nodiscard]] HookGroup group_of(ubc_resource resource);
/// Before its hooks are attached nobody counts the group's resources: of the others the kernel does, and hooks only refuse.
[[nodiscard]] bool counts_by_hooks(HookGroup group);
/// The modules whose functions the group's hooks sit on: to be loaded before they are attached.
[[nodiscard]] std::set<std::string_view> modules_of(HookGroup group);
[[nodiscard]] std::string_view name_of(HookGroup group);

struct Hook {
  std::string_view program;    ///< its name in ubc.bpf.c
  Purpose purpose;
  HookKind kind;
  std::string_view function;   ///< the kernel function that must be in the BTF
  std::string_view module = {};   ///< of the module's that has it; empty: the kernel's own
};

/// Something on the host runs it: neither an iterator, which a reader runs, nor a request of ours.
[[nodiscard]] constexpr bool is_triggered(const Hook& hook) { return hook.kind != HookKind::iterator && hook.kind != HookKind::request; }

/// All hooks that we ship, in the order of preference within a purpose and of attachment between purposes.
[[nodiscard]] std::span<const Hook> hooks();

/// How well this host keeps one resource.
enum class Mode : std::uint8_t {
  exact,     ///< counted and refused by a hook
  kernel,    ///< the kernel refuses by cgroup or rlimit, we count
  sampled,   ///< counted by census, not refused
  off,       ///< neither
};
[[nodiscard]] std::string_view name_of(Mode mode);

struct ResourceMode {
  Mode mode = Mode::off;
  std::string reason;          ///< how, or why not better: one clause, for `ubctl features`
};

struct HookPlan {
  std::vector<Hook> hooks;     ///< to load and attach, in this order; of all groups
  [[nodiscard]] std::vector<Hook> of(HookGroup group) const;
  bool preemptible = false;    ///< tracing programs can be skipped: misses are counted, and an audit heals
  std::array<ResourceMode, UBC_RESOURCES> modes;
  [[nodiscard]] bool can_enforce() const;   ///< all hooked resources are exact
  [[nodiscard]] std::string why_not() const;   ///< the reason of the first that is not; empty where can_enforce()
};

/// `memory_controller`: the cgroup v2 memory controller is there for our containers.
[[nodiscard]] HookPlan decide_hooks(const KernelSupport& seen, bool memory_controller);

}  // namespace ubc::bpf

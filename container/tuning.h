// SPDX-License-Identifier: Apache-2.0
// A container's numbers: from its configuration, into the ledger and the memory controller, live.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accounting/beancounter.h"
#include "accounting/config_file.h"
#include "accounting/limits.h"
#include "bpf/ledger.h"
#include "container/host.h"
#include "os/cgroup_dir.h"
#include "os/result.h"

namespace ubc::container {

using accounting::AllLimits;

/// As the configuration says it. Fails with Code::bad_value, naming the line.
[[nodiscard]] Result<AllLimits> limits_in(const accounting::ConfigFile& config);
/// VM_OVERCOMMIT; 0 where it is not said. Fails with Code::bad_value.
[[nodiscard]] Result<double> overcommit_in(const accounting::ConfigFile& config);
/// What a start sets: limits_in(), and what VSwap fills in.
[[nodiscard]] Result<AllLimits> effective_limits(const accounting::ConfigFile& config);

/// The slot is the container's of now: what an earlier run, or another container, held at most and was refused is not its; it pays with the
/// group of that slot (0: none); and it is in the table of all containers until bpf::announce() says else. `cgroup`: its path. Fails with
/// Code::busy where the slot still holds something for another group.
[[nodiscard]] Result<> take_slot(const Host& host, bpf::Ledger& ledger, std::uint32_t id, std::uint32_t slot, std::uint32_t group_slot,
                                 const std::string& cgroup);

/// The first number on a resource whose hooks are not attached by default attaches them, live. Fails with Code::unsupported.
[[nodiscard]] Result<> attach_hooks_for(const Host& host, const AllLimits& limits);
/// True where one of the two is a number.
[[nodiscard]] bool is_finite(const accounting::Limits& limits);
/// The numbers that `touched` says, as they are set now.
[[nodiscard]] AllLimits limits_now(const bpf::Ledger& ledger, std::uint32_t slot, const AllLimits& touched);

/// Sets what is said; the rest stays. `ledger` may be nullptr (a host that can't enforce): the memory controller's part is done all the
/// same. What could be done in part only goes to `notes`.
[[nodiscard]] Result<> apply_limits(const Host& host, std::uint32_t id, bpf::Ledger* ledger, std::uint32_t slot, const AllLimits& limits,
                                    std::vector<std::string>& notes);

/// Notes of what has a number and does not keep an adopted container to it. `said` by a person: what VSwap fills in is nobody's wish.
void note_gaps_of_adopted(const AllLimits& said, std::vector<std::string>& notes);

/// note_gaps_of_adopted() and apply_limits() to a running container. Either all of it, or the numbers are as they were. Fails with
/// Code::bad_state where it does not run.
[[nodiscard]] Result<> tune(const Host& host, std::uint32_t id, const AllLimits& limits, std::vector<std::string>& notes);

/// As the ledger has them now.
[[nodiscard]] accounting::Snapshot counters_of(const bpf::Ledger& ledger, std::uint32_t slot);

/// Of a running container that hooks count: its memory controller's numbers go to the ledger, then all are read from there. What the kernel
/// counts by itself is as the last bpf::publish_counts() left it.
[[nodiscard]] Result<accounting::Snapshot> read_counted(bpf::Ledger& ledger, std::uint32_t slot, const os::CgroupDir& cgroup);

/// The container is about to lose its cgroup: what only the cgroup knows goes to the ledger, where `last_snapshot` finds it.
void keep_memory_counters(const Host& host, std::uint32_t id, const os::CgroupDir& cgroup);

}  // namespace ubc::container

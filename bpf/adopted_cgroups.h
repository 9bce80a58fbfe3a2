// SPDX-License-Identifier: Apache-2.0
// Which cgroups pay from which slot, and what they hold already: the kernel's side of adoption.
#pragma once

#include <cstdint>
#include <string>

#include "bpf/ledger.h"
#include "os/result.h"

namespace ubc::bpf {

/// The cgroup pays from the slot from now on; what is made inside it later does too. Fails with Code::no_resources.
[[nodiscard]] Result<> map_cgroup(const std::string& pins, std::uint64_t cgroup_id, std::uint32_t slot);
[[nodiscard]] Result<> unmap_cgroup(const std::string& pins, std::uint64_t cgroup_id);
/// The slot that it pays from, its own or its nearest adopted ancestor's; 0: none.
[[nodiscard]] Result<std::uint32_t> slot_of_cgroup(const std::string& pins, std::uint64_t cgroup_id);

/// Charges to the slot what the tasks of its cgroups hold already and nobody pays for, or `paid_so_far` does (0: nobody). The cgroups are
/// mapped and frozen. Walks every task of the host; one census at a time, the caller holds a lock.
[[nodiscard]] Result<> take_census(const std::string& pins, Ledger& ledger, std::uint32_t slot, std::uint32_t paid_so_far);

/// Unmaps all cgroups of the slot and gives back all that it is charged for: nothing of it is left. They are frozen or gone.
[[nodiscard]] Result<> forget_slot(const std::string& pins, std::uint32_t slot);

}  // namespace ubc::bpf

// SPDX-License-Identifier: Apache-2.0
// VSwap: a configuration that limits physpages is complete with swappages alone; what else it does not say follows from the two. (Pure.)
// OpenVZ's rule is that of vzctl 4's code, where its manual says otherwise (docs/configuration.md).
#pragma once

#include <string_view>

#include "accounting/limits.h"
#include "os/result.h"

namespace ubc::accounting {

/// True if physpages has a finite limit: VSwap; else classic.
[[nodiscard]] bool is_vswap(const AllLimits& said);

/// VM_OVERCOMMIT, --vm_overcommit: what privvmpages is, in multiples of ram + swap. 0: no limit. Fails with Code::bad_value.
[[nodiscard]] Result<double> parse_overcommit(std::string_view text);

/// What a VSwap configuration does not say, filled: lockedpages ram:ram, oomguarpages ram:unlimited, vmguarpages ram+swap:unlimited and
/// privvmpages (ram+swap)*overcommit, or unlimited where that is 0. swappages that is not said is unlimited. What is said stays, and so
/// does all of a classic one. These numbers are applied, never saved.
[[nodiscard]] AllLimits with_vswap_defaults(AllLimits said, double overcommit);

/// What a command that says `changes` sets on a running container whose configuration, with the changes in it, says `said`: the changes,
/// and what is filled because neither says it.
[[nodiscard]] AllLimits limits_to_apply(AllLimits changes, const AllLimits& said, double overcommit);

}  // namespace ubc::accounting

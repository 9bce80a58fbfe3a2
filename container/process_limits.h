// SPDX-License-Identifier: Apache-2.0
// What the kernel holds each process of a container to by itself: oom_score_adj, from oomguarpages, and RLIMIT_MEMLOCK, from lockedpages.
#pragma once

#include <cstdint>
#include <optional>

#include "accounting/limits.h"
#include "container/host.h"
#include "os/result.h"

namespace ubc::container {

/// 0 where nothing is said.
[[nodiscard]] Result<int> oom_score_adj_of(const Host& host, const std::optional<accounting::Limits>& oomguarpages);
/// The barrier; where it is not said or unlimited, what a guest has anyhow.
[[nodiscard]] std::uint64_t lockable_bytes_of(const std::optional<accounting::Limits>& lockedpages);

/// Sets it for all processes that the container has now; theirs inherit it. What one had raised for itself is forgotten.
[[nodiscard]] Result<> guarantee_against_oom(const Host& host, std::uint32_t id, const accounting::Limits& oomguarpages);
/// Likewise. One that has locked more keeps that, and locks nothing new.
[[nodiscard]] Result<> limit_locks(const Host& host, std::uint32_t id, const accounting::Limits& lockedpages);

}  // namespace ubc::container

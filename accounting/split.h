// SPDX-License-Identifier: Apache-2.0
// vzsplit: a configuration for each of N equal containers that share a host (ubc-semantics 4.3, vzctl 4's arithmetic: each division cuts
// off). (Pure.)
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "accounting/host_memory.h"
#include "accounting/limits.h"

namespace ubc::accounting {

struct SplitHost {
  HostMemory memory;
  std::uint64_t threads_max = 0;
};

struct Split {
  AllLimits limits;   ///< all classic beancounters
  std::uint64_t avnumproc = 0;
  int level = 0;      ///< 0: roomy containers, 1 and 2: tight ones, 3: as little as a container works with
};

/// nullopt: the host is too small for so many.
[[nodiscard]] std::optional<Split> split_host(const SplitHost& host, std::uint64_t containers);

/// The greatest number that split_host() has an answer for; 0: none.
[[nodiscard]] std::uint64_t most_containers(const SplitHost& host);

/// The text of a sample configuration; with `vswap` only RAM and swap are limited, and all else is said to be unlimited.
[[nodiscard]] std::string split_text(const Split& split, bool vswap);

}  // namespace ubc::accounting

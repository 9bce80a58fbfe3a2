// SPDX-License-Identifier: Apache-2.0
// What a guest's processes hold, counted from outside without our books: /proc, kcmp(2) and the sockets themselves.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "bpf/ubc_abi.h"

namespace ubc::test {

using Census = std::array<std::uint64_t, UBC_RESOURCES>;

/// Of the processes in one cgroup, which idle. Only the exact resources are filled in. Files that are open but in no descriptor table (a
/// running program's own) are not seen.
Census take_census(const std::string& cgroup);

}  // namespace ubc::test

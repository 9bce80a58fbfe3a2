// SPDX-License-Identifier: Apache-2.0
// What the host has, as far as commitments are measured against it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "os/result.h"

namespace ubc::accounting {

struct HostMemory {
  std::uint64_t ram_bytes = 0;
  std::uint64_t swap_bytes = 0;
  std::uint64_t low_bytes = 0;   ///< directly mapped by the kernel: LowTotal on 32-bit hosts, all RAM elsewhere
};

/// Of /proc/meminfo's text. (Pure.) Fails with Code::corrupt where it does not say MemTotal; no SwapTotal is no swap.
[[nodiscard]] Result<HostMemory> parse_meminfo(std::string_view text);
/// `path`: /proc/meminfo.
[[nodiscard]] Result<HostMemory> read_host_memory(const std::string& path);

}  // namespace ubc::accounting

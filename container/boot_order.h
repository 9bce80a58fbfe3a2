// SPDX-License-Identifier: Apache-2.0
// Which containers a host starts by itself, and in which order.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "container/host.h"

namespace ubc::container {

struct BootWish {
  std::uint32_t id = 0;
  std::optional<std::uint64_t> order;   ///< BOOTORDER; not said: after all that say one
};

/// The higher the order the earlier, as vzctl has it; of equal ones the lower id first. (Pure.)
[[nodiscard]] std::vector<std::uint32_t> in_boot_order(std::vector<BootWish> wishes);

/// Those whose configuration says ONBOOT="yes". What could not be read is not started, and goes to `notes`.
[[nodiscard]] std::vector<BootWish> boot_wishes(const Host& host, std::vector<std::string>& notes);

}  // namespace ubc::container

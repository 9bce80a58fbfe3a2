// SPDX-License-Identifier: Apache-2.0
// Ethernet addresses.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "os/result.h"

namespace ubc::os {

using MacAddress = std::array<std::uint8_t, 6>;

/// "02:00:00:00:00:01". Fails with Code::bad_value: also for a group's address, and for none (all zero).
[[nodiscard]] Result<MacAddress> parse_mac(std::string_view text);
[[nodiscard]] std::string text_of(const MacAddress& mac);
/// Locally administered, at random.
[[nodiscard]] MacAddress made_up_mac();

}  // namespace ubc::os

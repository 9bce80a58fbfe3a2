// SPDX-License-Identifier: Apache-2.0
// Keys of a configuration that are one word or number each, with nothing of their own behind them. Pure.
#pragma once

#include <string>
#include <string_view>

#include "os/result.h"

namespace ubc::container {

/// GROUP, ONBOOT, DISABLED, STOP_TIMEOUT, ACTIONS, BOOTORDER, HOSTNAME; any other key may be anything. Fails with Code::bad_value.
[[nodiscard]] Result<> check_plain_key(std::string_view key, const std::string& value);

}  // namespace ubc::container

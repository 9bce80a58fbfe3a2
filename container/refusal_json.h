// SPDX-License-Identifier: Apache-2.0
// A refusal for machines: one form for `ubctl events --json`, ubcd's API and its event stream.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "container/refusals.h"

namespace ubc::container {

/// RFC 3339 in UTC, with milliseconds.
[[nodiscard]] std::string utc_time(std::chrono::system_clock::time_point time);
/// null where unlimited.
[[nodiscard]] nlohmann::ordered_json json_amount(std::uint64_t amount);

/// Amounts in the resource's unit; unlimited is null.
[[nodiscard]] nlohmann::ordered_json json_of(const Refusal& refusal);

}  // namespace ubc::container

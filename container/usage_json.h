// SPDX-License-Identifier: Apache-2.0
// A row of usage for machines: one form for `ubctl show --json` and ubcd's API.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "accounting/usage_rows.h"

namespace ubc::container {

/// null where there is no limit, or nobody counts it.
[[nodiscard]] nlohmann::ordered_json json_of(const accounting::UsageRow& row);

}  // namespace ubc::container

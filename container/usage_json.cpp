// SPDX-License-Identifier: Apache-2.0
#include "container/usage_json.h"

#include <nlohmann/json.hpp>

namespace ubc::container {

nlohmann::ordered_json json_of(const accounting::UsageRow& row) {
  const auto number = [](const auto& value) { return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(); };
  return {{"held", row.held},
          {"barrier", number(row.barrier)},
          {"limit", number(row.limit)},
          {"limit_per_second", row.per_second},
          {"failcnt", number(row.failcnt)},
          {"at_limit", accounting::text_of(row.at_limit)}};
}

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
// Counters for machines: one form for every verb that has --json.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "accounting/beancounter.h"

namespace ubc::cli {

/// Adds "<resource>": {held, maxheld, barrier, limit, failcnt} for each resource, in the table's order.
inline void add_counters(nlohmann::ordered_json& object, const accounting::Snapshot& snapshot) {
  for (const accounting::ResourceInfo& info : accounting::kResources) {
    const accounting::Beancounter& c = snapshot.of(info.resource);
    object[std::string{info.name}] = {
        {"held", c.held}, {"maxheld", c.maxheld}, {"barrier", c.barrier}, {"limit", c.limit}, {"failcnt", c.failcnt}};
  }
}

}  // namespace ubc::cli

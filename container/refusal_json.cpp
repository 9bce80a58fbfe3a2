// SPDX-License-Identifier: Apache-2.0
#include "container/refusal_json.h"

#include <fmt/chrono.h>

#include <nlohmann/json.hpp>

namespace ubc::container {

std::string utc_time(std::chrono::system_clock::time_point time) {
  const auto whole = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto ms = whole.time_since_epoch().count() % 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(whole)), ms);
}

nlohmann::ordered_json json_amount(std::uint64_t amount) {
  return amount >= UBC_UNLIMITED ? nlohmann::ordered_json{} : nlohmann::ordered_json(amount);
}

nlohmann::ordered_json json_of(const Refusal& refusal) {
  const accounting::ResourceInfo* info = accounting::info_of(refusal.resource);
  return {{"time", utc_time(refusal.time)},
          {"ctid", refusal.id},
          {"name", refusal.name},
          {"resource", info == nullptr ? "" : std::string{info->name}},
          {"amount", refusal.amount},
          {"held", refusal.held},
          {"barrier", json_amount(refusal.barrier)},
          {"limit", json_amount(refusal.limit)},
          {"pid", refusal.pid},
          {"comm", refusal.program},
          {"uid", refusal.uid},
          {"call", refusal.call},
          {"group", refusal.group.empty() ? nlohmann::ordered_json{} : nlohmann::ordered_json(refusal.group)}};
}

}  // namespace ubc::container

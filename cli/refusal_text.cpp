// SPDX-License-Identifier: Apache-2.0
#include "cli/refusal_text.h"

#include <fmt/chrono.h>

#include "accounting/limits.h"

namespace ubc::cli {
namespace {

using accounting::ResourceInfo;
using container::Refusal;

std::string who(const Refusal& refusal) {
  if (refusal.pid == 0) return "-";
  return fmt::format("{}[{}] uid {}", refusal.program, refusal.pid, refusal.uid);
}

}  // namespace

std::string local_time(std::chrono::system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(std::chrono::system_clock::to_time_t(time)));
}

std::string utc_time(std::chrono::system_clock::time_point time) {
  const auto whole = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto ms = whole.time_since_epoch().count() % 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(whole)), ms);
}

std::string line_of(const Refusal& refusal) {
  const ResourceInfo* info = accounting::info_of(refusal.resource);
  if (info == nullptr) return {};
  const auto text = [&](std::uint64_t amount) { return accounting::format_amount(info->unit, amount); };
  return fmt::format("{}  {:<12} {:<13} +{} at {} of {}:{}  {}  {}", local_time(refusal.time),
                     refusal.name.empty() ? std::to_string(refusal.id) : refusal.name, info->name, text(refusal.amount), text(refusal.held),
                     text(refusal.barrier), text(refusal.limit), who(refusal), refusal.call);
}

nlohmann::ordered_json json_number(std::uint64_t amount) {
  return amount >= UBC_UNLIMITED ? nlohmann::ordered_json{} : nlohmann::ordered_json(amount);
}

nlohmann::ordered_json json_of(const Refusal& refusal) {
  const ResourceInfo* info = accounting::info_of(refusal.resource);
  return {{"time", utc_time(refusal.time)},
          {"ctid", refusal.id},
          {"name", refusal.name},
          {"resource", info == nullptr ? "" : std::string{info->name}},
          {"amount", refusal.amount},
          {"held", refusal.held},
          {"barrier", json_number(refusal.barrier)},
          {"limit", json_number(refusal.limit)},
          {"pid", refusal.pid},
          {"comm", refusal.program},
          {"uid", refusal.uid},
          {"call", refusal.call}};
}

}  // namespace ubc::cli

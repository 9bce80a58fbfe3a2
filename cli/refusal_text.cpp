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

std::string line_of(const Refusal& refusal) {
  const ResourceInfo* info = accounting::info_of(refusal.resource);
  if (info == nullptr) return {};
  const auto text = [&](std::uint64_t amount) { return accounting::format_amount(info->unit, amount); };
  return fmt::format("{}  {:<12} {:<13} +{} at {} of {}:{}  {}  {}", local_time(refusal.time),
                     refusal.name.empty() ? std::to_string(refusal.id) : refusal.name, info->name, text(refusal.amount), text(refusal.held),
                     text(refusal.barrier), text(refusal.limit), who(refusal), refusal.call);
}

}  // namespace ubc::cli

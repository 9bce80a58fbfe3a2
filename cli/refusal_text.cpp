// SPDX-License-Identifier: Apache-2.0
#include "cli/refusal_text.h"

#include <fmt/chrono.h>

#include <algorithm>

#include "accounting/limits.h"

namespace ubc::cli {
namespace {

using accounting::ResourceInfo;
using container::Refusal;

std::string who(const Refusal& refusal) {
  if (refusal.pid == 0) return "-";
  return fmt::format("{}[{}] uid {}", refusal.program, refusal.pid, refusal.uid);
}

std::string ago(std::chrono::system_clock::duration passed) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(passed).count();
  if (seconds < 120) return fmt::format("{} s ago", std::max<long long>(seconds, 0));
  if (seconds < 7200) return fmt::format("{} min ago", seconds / 60);
  if (seconds < 172800) return fmt::format("{} h ago", seconds / 3600);
  return fmt::format("{} days ago", seconds / 86400);
}

}  // namespace

std::string local_time(std::chrono::system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(std::chrono::system_clock::to_time_t(time)));
}

std::string line_of(const Refusal& refusal) {
  const ResourceInfo* info = accounting::info_of(refusal.resource);
  if (info == nullptr) return {};
  const auto text = [&](std::uint64_t amount) { return accounting::format_amount(info->unit, amount); };
  return fmt::format("{}  {:<12} {:<13} +{} at {} of {}:{}{}  {}  {}", local_time(refusal.time),
                     refusal.name.empty() ? std::to_string(refusal.id) : refusal.name, info->name, text(refusal.amount), text(refusal.held),
                     text(refusal.barrier), text(refusal.limit), refusal.group.empty() ? "" : " of group " + refusal.group, who(refusal),
                     refusal.call);
}

std::string sentence_of(const Refusal& refusal, std::uint64_t failcnt, std::chrono::system_clock::time_point now, bool in_group) {
  const ResourceInfo& info = *accounting::info_of(refusal.resource);
  const auto text = [&](std::uint64_t amount) { return accounting::format_amount(info.unit, amount); };
  std::string program =
      refusal.pid == 0 ? "nobody in particular" : fmt::format("{} (pid {}, uid {} inside)", refusal.program, refusal.pid, refusal.uid);
  if (in_group) program += fmt::format(" of container {}", refusal.id);
  const std::string by = in_group || refusal.group.empty() ? "" : fmt::format(" by group {}", refusal.group);
  return fmt::format("{}: refused{} {} time{}, last {} ({}) to {} by {}: {} more at {} held{}, barrier {}, limit {}.", info.name, by,
                     failcnt, failcnt == 1 ? "" : "s", local_time(refusal.time), ago(now - refusal.time), program, refusal.call,
                     text(refusal.amount), text(refusal.held), refusal.group.empty() ? "" : " by the group", text(refusal.barrier),
                     text(refusal.limit));
}

}  // namespace ubc::cli

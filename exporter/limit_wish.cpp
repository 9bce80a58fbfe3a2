// SPDX-License-Identifier: Apache-2.0
#include "exporter/limit_wish.h"

#include <nlohmann/json.hpp>

#include "os/text_file.h"

namespace ubc::exporter {
namespace {

using nlohmann::json;

Result<json> parse_object(std::string_view body) {
  json parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object()) return os::error(Code::bad_value, "the body is no JSON object");
  return parsed;
}

Result<> take_flag(const json& value, const std::string& key, bool& flag) {
  if (!value.is_boolean()) return os::error(Code::bad_value, "{}: say true or false", key);
  flag = value.get<bool>();
  return {};
}

Result<> take_limits(const json& said, accounting::AllLimits& limits) {
  if (!said.is_object()) return os::error(Code::bad_value, "limits: say {{\"numproc\": \"100:120\"}}");
  for (const auto& [name, text] : said.items()) {
    const accounting::ResourceInfo* info = UBC_TRY(accounting::parse_resource(os::printable(name)));
    if (!text.is_string()) return os::error(Code::bad_value, "{}: say a text, as ubctl set takes it: \"100:120\"", info->name);
    limits[info->resource] = UBC_TRY(accounting::parse_limits(*info, os::printable(text.get<std::string>())));
  }
  return {};
}

}  // namespace

Result<LimitWish> parse_wish(std::string_view body) {
  LimitWish wish;
  const json parsed = UBC_TRY(parse_object(body));
  for (const auto& [key, value] : parsed.items()) {
    if (key == "limits")
      UBC_TRY(take_limits(value, wish.limits));
    else if (key == "save")
      UBC_TRY(take_flag(value, key, wish.save));
    else if (key == "dry_run")
      UBC_TRY(take_flag(value, key, wish.dry_run));
    else
      return os::error(Code::bad_value, "there is no {}: say limits, save, dry_run", os::printable(key));
  }
  for (const auto& limits : wish.limits)
    if (limits) return wish;
  return os::error(Code::bad_value, "nothing to set: say {{\"limits\": {{\"numproc\": \"100:120\"}}}}");
}

std::vector<std::string> arguments_for(const LimitWish& wish) {
  std::vector<std::string> arguments;
  for (const accounting::ResourceInfo& info : accounting::kResources)
    if (const auto& limits = wish.limits[info.resource]) {
      arguments.push_back(fmt::format("--{}", info.name));
      arguments.push_back(accounting::format_pair(*limits));
    }
  if (wish.save) arguments.emplace_back("--save");
  return arguments;
}

Result<bool> parse_fast(std::string_view body) {
  bool fast = false;
  if (body.empty()) return fast;
  const json parsed = UBC_TRY(parse_object(body));
  for (const auto& [key, value] : parsed.items()) {
    if (key != "fast") return os::error(Code::bad_value, "there is no {}: say fast", os::printable(key));
    UBC_TRY(take_flag(value, key, fast));
  }
  return fast;
}

}  // namespace ubc::exporter

// SPDX-License-Identifier: Apache-2.0
#include "container/group_record.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "accounting/config_file.h"
#include "container/adopted_record.h"
#include "container/container_record.h"
#include "os/directory.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

constexpr std::string_view kSuffix = ".conf";

std::string record_of(const Host& host, std::string_view name) { return fmt::format("{}/groups/{}", host.paths.run, name); }

/// Where it runs or is adopted; nullopt: nowhere.
std::optional<std::string> live_group_of(const Host& host, std::uint32_t id) {
  if (const auto adopted = read_adopted(host, id)) return adopted->group;
  const auto record = read_record(host, id);
  return record ? std::optional{record->group} : std::nullopt;
}

std::string saved_group_of(const Host& host, std::uint32_t id) {
  const auto config = accounting::ConfigFile::load(host.paths.config_of(id));
  return config ? config->get("GROUP").value_or("") : "";
}

}  // namespace

Result<> check_group_name(std::string_view name) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; };
  if (!name.empty() && name.size() <= 32 && std::isalpha(static_cast<unsigned char>(name.front())) != 0 && std::ranges::all_of(name, fits))
    return {};
  return os::error(Code::bad_value, "Bad group name {}: a letter, then letters, digits, - and _, at most 32", name);
}

bool group_exists(const Host& host, std::string_view name) {
  return check_group_name(name).has_value() && ::access(host.paths.group_config_of(name).c_str(), F_OK) == 0;
}

Result<> check_group(const Host& host, std::string_view name) {
  UBC_TRY(check_group_name(name));
  if (group_exists(host, name)) return {};
  return os::error(Code::not_found, "there is no group {}: ubctl group list shows those that exist, ubctl group create makes one", name);
}

std::vector<std::string> group_names(const Host& host) {
  std::vector<std::string> names;
  for (const std::string& file : os::names_in(host.paths.group_configs()).value_or(std::vector<std::string>{}))
    if (file.ends_with(kSuffix))
      if (std::string name = file.substr(0, file.size() - kSuffix.size()); check_group_name(name)) names.push_back(std::move(name));
  return names;
}

GroupRecord read_group(const Host& host, std::string_view name) {
  const auto text = os::read_text(record_of(host, name));
  const auto file = accounting::ConfigFile::parse(text ? *text : "");
  const auto number = [&](std::string_view key) { return os::parse_number(file.get(key).value_or("")); };
  GroupRecord record;
  record.slot = static_cast<std::uint32_t>(number("SLOT").value_or(0));
  record.up = file.get("STATE") == "up";
  if (const auto cap = number("GUARANTEE_CAP")) record.guarantee_cap = *cap;
  return record;
}

Result<> write_group(const Host& host, std::string_view name, const GroupRecord& record) {
  UBC_TRY(os::make_directories(host.paths.run + "/groups", 0700));
  accounting::ConfigFile file;
  file.set("STATE", record.up ? "up" : "down");
  file.set("SLOT", std::to_string(record.slot));
  if (record.guarantee_cap) file.set("GUARANTEE_CAP", std::to_string(*record.guarantee_cap));
  return os::replace_text(record_of(host, name), file.text(), 0600);
}

void remove_group_record(const Host& host, std::string_view name) { (void)::unlink(record_of(host, name).c_str()); }

std::string group_of(const Host& host, std::uint32_t id) {
  const auto live = live_group_of(host, id);
  return live ? *live : saved_group_of(host, id);
}

std::vector<std::uint32_t> running_members(const Host& host, std::string_view name) {
  std::vector<std::uint32_t> members = known_ids(host);
  std::erase_if(members, [&](std::uint32_t id) { return live_group_of(host, id) != name; });
  return members;
}

std::vector<std::uint32_t> members_of(const Host& host, std::string_view name) {
  std::vector<std::uint32_t> members = known_ids(host);
  std::erase_if(members, [&](std::uint32_t id) { return live_group_of(host, id) != name && saved_group_of(host, id) != name; });
  return members;
}

}  // namespace ubc::container

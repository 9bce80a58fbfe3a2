// SPDX-License-Identifier: Apache-2.0
#include "container/adopted_record.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "accounting/config_file.h"
#include "container/container_record.h"
#include "os/assignments.h"
#include "os/directory.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

std::string directory_of(const Host& host) { return host.paths.run + "/adopted"; }
std::string names_of(const Host& host) { return host.paths.run + "/adopted-names"; }
std::string record_of(const Host& host, std::uint32_t id) { return fmt::format("{}/{}", directory_of(host), id); }
std::string link_of(const Host& host, std::string_view name) { return fmt::format("{}/{}", names_of(host), name); }

/// The knobs that we ever change, and where the record keeps what they held before.
struct Knob {
  const char* file;
  const char* key;
  ubc_resource resource;
};
constexpr Knob kKnobs[] = {{"memory.high", "WAS_MEMORY_HIGH", UBC_PHYSPAGES},
                           {"memory.max", "WAS_MEMORY_MAX", UBC_PHYSPAGES},
                           {"memory.swap.max", "WAS_MEMORY_SWAP_MAX", UBC_SWAPPAGES},
                           {"memory.low", "WAS_MEMORY_LOW", UBC_VMGUARPAGES}};

}  // namespace

std::optional<AdoptedRecord> read_adopted(const Host& host, std::uint32_t id) {
  const auto text = os::read_text(record_of(host, id));
  if (!text) return std::nullopt;
  const os::Assignments file{*text};
  const auto number = [&](std::string_view key) { return os::parse_number(file.get(key)).value_or(0); };
  AdoptedRecord record;
  record.id = id;
  record.slot = static_cast<std::uint32_t>(number("SLOT"));
  record.name = file.get("NAME");
  record.cgroup = file.get("CGROUP");
  record.cgroup_id = number("CGROUP_ID");
  record.source = file.get("SOURCE");
  record.group = file.get("GROUP");
  record.finished = file.get("STATE") == "adopted";
  record.was_frozen = file.get("WAS_FROZEN") == "yes";
  for (const Knob& knob : kKnobs)
    if (const std::string* before = file.find(knob.key)) record.knobs[knob.file] = *before;
  return record;
}

Result<std::optional<os::CgroupDir>> cgroup_of_adopted(const Host& host, const AdoptedRecord& record) {
  auto cgroup = os::CgroupDir::open(host.paths.cgroups + record.cgroup);
  if (!cgroup && cgroup.error().code != Code::not_found) return std::unexpected(cgroup.error());
  if (!cgroup || UBC_TRY(cgroup->id()) != record.cgroup_id) return std::nullopt;
  return *std::move(cgroup);
}

Result<> write_adopted(const Host& host, const AdoptedRecord& record) {
  UBC_TRY(os::make_directories(directory_of(host), 0700));
  UBC_TRY(os::make_directories(names_of(host), 0700));
  accounting::ConfigFile file;
  file.set("STATE", record.finished ? "adopted" : "under way");
  file.set("NAME", record.name);
  file.set("CGROUP", record.cgroup);
  file.set("CGROUP_ID", std::to_string(record.cgroup_id));
  file.set("SLOT", std::to_string(record.slot));
  file.set("SOURCE", record.source);
  if (!record.group.empty()) file.set("GROUP", record.group);
  file.set("WAS_FROZEN", record.was_frozen ? "yes" : "no");
  for (const Knob& knob : kKnobs)
    if (const auto before = record.knobs.find(knob.file); before != record.knobs.end()) file.set(knob.key, before->second);
  UBC_TRY(os::replace_text(record_of(host, record.id), file.text(), 0600));
  const std::string link = link_of(host, record.name);
  if (adopted_by_name(host, record.name) == record.id) return {};
  (void)::unlink(link.c_str());   // one that led nowhere
  if (::symlink(std::to_string(record.id).c_str(), link.c_str()) != 0) return os::sys_error(errno, "make the name link", link);
  return {};
}

Result<> keep_knobs(const Host& host, AdoptedRecord record, const AllLimits& limits) {
  const std::size_t before = record.knobs.size();
  for (const Knob& knob : kKnobs) {
    if (!limits[knob.resource] || record.knobs.contains(knob.file)) continue;
    if (const auto text = os::read_text(fmt::format("{}{}/{}", host.paths.cgroups, record.cgroup, knob.file)))
      record.knobs[knob.file] = std::string{os::trimmed(*text)};
  }
  return record.knobs.size() == before ? Result<>{} : write_adopted(host, record);
}

void remove_adopted(const Host& host, const AdoptedRecord& record) {
  if (adopted_by_name(host, record.name) == record.id) (void)::unlink(link_of(host, record.name).c_str());
  (void)::unlink(record_of(host, record.id).c_str());
}

std::vector<std::uint32_t> adopted_ids(const Host& host) {
  std::vector<std::uint32_t> ids;
  for (const std::string& name : os::names_in(directory_of(host)).value_or(std::vector<std::string>{}))
    if (const auto id = os::parse_number(name)) ids.push_back(static_cast<std::uint32_t>(*id));
  std::ranges::sort(ids);
  return ids;
}

std::optional<std::uint32_t> adopted_by_name(const Host& host, std::string_view name) {
  char target[32];
  const ssize_t length = ::readlink(link_of(host, name).c_str(), target, sizeof target);
  const auto id = os::parse_number({target, static_cast<std::size_t>(std::max<ssize_t>(length, 0))});
  const bool known = id && ::access(record_of(host, static_cast<std::uint32_t>(*id)).c_str(), F_OK) == 0;
  return known ? std::optional{static_cast<std::uint32_t>(*id)} : std::nullopt;
}

std::string cgroup_path_of(const Host& host, std::uint32_t id) {
  if (const auto adopted = read_adopted(host, id)) return host.paths.cgroups + adopted->cgroup;
  return host.paths.cgroup_of(id, read_record(host, id).value_or(RunRecord{}).group);
}

Result<> refuse_adopted(const Host& host, std::uint32_t id, std::string_view what) {
  const auto record = read_adopted(host, id);
  if (!record) return {};
  return os::error(Code::bad_state,
                   "Unable to {} container {}: it is adopted ({}), so whoever started it does that; ubctl release {} lets it go", what, id,
                   record->source, record->name);
}

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
#include "container/container_record.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <set>

#include "bpf/attached_hooks.h"
#include "container/adopted_record.h"
#include "container/disk_quota.h"
#include "container/group_record.h"
#include "isolate/guest_spec.h"
#include "os/assignments.h"
#include "os/directory.h"
#include "os/scope_guard.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

/// A directory that can't be read has nothing in it that we could use.
std::vector<std::string> listed(const std::string& directory) { return os::names_in(directory).value_or(std::vector<std::string>{}); }

std::optional<std::uint32_t> id_from(std::string_view text) {
  const auto number = os::parse_number(text);
  return number && *number > 0 && *number <= kMaxId ? std::optional{static_cast<std::uint32_t>(*number)} : std::nullopt;
}

std::string link_of(const Host& host, std::string_view name) { return fmt::format("{}/names/{}", host.paths.etc, name); }
std::string record_of(const Host& host, std::uint32_t id) { return fmt::format("{}/{}.run", host.paths.run, id); }

/// The id whose configuration a name's link points to.
std::optional<std::uint32_t> target_of(const std::string& link) {
  char target[256];
  const ssize_t length = ::readlink(link.c_str(), target, sizeof target - 1);
  if (length <= 0) return std::nullopt;
  std::string_view text{target, static_cast<std::size_t>(length)};
  text = text.substr(text.rfind('/') + 1);
  if (!text.ends_with(".conf")) return std::nullopt;
  return id_from(text.substr(0, text.size() - 5));
}

constexpr std::string_view kUnfinished = ".new";   // a private area that is being made

Result<> make_owned(const std::string& path, uid_t owner, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0) return os::sys_error(errno, "make directory", path);
  return ::chown(path.c_str(), owner, owner) == 0 ? Result<>{} : Result<>{os::sys_error(errno, "give away", path)};
}

/// Of a private area.
Result<std::uint32_t> slot_in(const std::string& area) {
  const std::string path = area + "/slot";
  const auto text = os::read_text(path);
  if (!text) return std::unexpected(text.error());
  const auto slot = os::parse_number(*text);
  if (!slot || *slot == 0 || *slot >= UBC_MAX_SLOTS)
    return os::error(Code::corrupt, "{} holds no slot: destroy and create the container", path);
  return static_cast<std::uint32_t>(*slot);
}

/// An area that nobody sees yet, but which keeps its slot from others.
Result<uid_t> begin_area(const Host& host, std::uint32_t id, const std::string& fresh, std::string_view template_name) {
  const os::Fd lock = UBC_TRY(lock_file(host, "slots.lock", LOCK_EX));
  os::remove_tree(fresh);
  const std::uint32_t slot = UBC_TRY(free_slot(host));
  const uid_t base = host.settings.uid_base + slot * isolate::kIdsPerGuest;
  if (::mkdir(fresh.c_str(), 0700) != 0) return os::sys_error(errno, "make directory", fresh);
  UBC_TRY(make_owned(fresh + "/upper", base, 0755));
  UBC_TRY(make_owned(fresh + "/work", base, 0755));
  count_disk(fresh, id);
  UBC_TRY(os::replace_text(fresh + "/template", template_name));
  UBC_TRY(os::replace_text(fresh + "/slot", fmt::format("{}\n", slot)));
  return base;
}

}  // namespace

Result<std::uint32_t> resolve_id(const Host& host, std::string_view text) {
  if (!text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c); })) {
    if (const auto id = id_from(text)) return *id;
    return os::error(Code::bad_value, "Bad CT ID {}: it is 1 to {}, or a name", text, kMaxId);
  }
  if (!check_name(text)) return os::error(Code::bad_value, "Bad CT ID {}: it is 1 to {}, or a name", text, kMaxId);
  if (const auto id = target_of(link_of(host, text))) return *id;
  if (const auto id = adopted_by_name(host, text)) return *id;
  return os::error(Code::not_found, "there is no container named {}: ubctl list -a shows those that exist", text);
}

Result<> check_name(std::string_view name) {
  const bool good = !name.empty() && name.size() <= 64 && name.front() != '.' && name.front() != ' ' &&
                    std::ranges::all_of(
                        name, [](unsigned char c) { return std::isalnum(c) || std::string_view{"-_.+ "}.contains(static_cast<char>(c)); });
  return good ? Result<>{}
              : Result<>{os::error(
                    Code::bad_value,
                    "Bad parameter for --name: {}: letters, digits, blank and -_.+, at most 64, not starting with a blank or dot", name)};
}

Result<> assign_name(const Host& host, std::uint32_t id, const std::string& name) {
  if (!name.empty()) {
    UBC_TRY(check_name(name));
    if (id_from(name)) return os::error(Code::bad_value, "Bad parameter for --name: {}: a number is an id", name);
    if (group_exists(host, name)) return os::error(Code::exists, "Name {} is in use by a group: choose another", name);
    if (const auto adopted = adopted_by_name(host, name))
      return os::error(Code::exists, "Name {} is in use by container {}, which is adopted: choose another", name, *adopted);
    const auto owner = target_of(link_of(host, name));
    if (owner && *owner != id && ::access(host.paths.config_of(*owner).c_str(), F_OK) == 0)
      return os::error(Code::exists, "Name {} is in use by container {}: choose another", name, *owner);
  }
  drop_names(host, id);
  if (name.empty()) return {};
  UBC_TRY(os::make_directories(host.paths.etc + "/names"));
  const std::string link = link_of(host, name);
  (void)::unlink(link.c_str());   // one that led nowhere
  if (::symlink(fmt::format("../conf/{}.conf", id).c_str(), link.c_str()) != 0) return os::sys_error(errno, "make the name link", link);
  return {};
}

void drop_names(const Host& host, std::uint32_t id) {
  for (const std::string& name : listed(host.paths.etc + "/names"))
    if (target_of(link_of(host, name)) == id) (void)::unlink(link_of(host, name).c_str());
}

std::vector<std::uint32_t> known_ids(const Host& host) {
  std::set<std::uint32_t> ids;
  for (const std::string& name : listed(host.paths.lib + "/private"))
    if (const auto id = id_from(name)) ids.insert(*id);
  for (const std::string& name : listed(host.paths.conf()))
    if (name.ends_with(".conf"))
      if (const auto id = id_from(std::string_view{name}.substr(0, name.size() - 5))) ids.insert(*id);
  for (const std::uint32_t id : adopted_ids(host)) ids.insert(id);
  return {ids.begin(), ids.end()};
}

std::set<std::uint32_t> recorded_ids(const Host& host) {
  constexpr std::string_view kEnd = ".run";
  const std::vector<std::uint32_t> adopted = adopted_ids(host);
  std::set<std::uint32_t> ids{adopted.begin(), adopted.end()};
  for (const std::string& name : listed(host.paths.run))
    if (name.ends_with(kEnd))
      if (const auto id = id_from(std::string_view{name}.substr(0, name.size() - kEnd.size()))) ids.insert(*id);
  return ids;
}

Result<std::uint32_t> slot_of(const Host& host, std::uint32_t id) {
  if (const auto adopted = read_adopted(host, id)) return adopted->slot;
  const auto slot = slot_in(host.paths.area_of(id));
  if (!slot && slot.error().code == Code::not_found)
    return os::error(Code::not_found, "container {} has no private area: create it first", id);
  return slot;
}

Result<std::uint32_t> free_slot(const Host& host) {
  std::set<std::uint32_t> taken;
  for (const std::string& name : listed(host.paths.lib + "/private"))
    if (id_from(name) || name.ends_with(kUnfinished))
      if (const auto slot = slot_in(fmt::format("{}/private/{}", host.paths.lib, name))) taken.insert(*slot);
  for (const std::uint32_t id : adopted_ids(host))
    if (const auto adopted = read_adopted(host, id)) taken.insert(adopted->slot);
  for (const std::string& name : group_names(host)) taken.insert(read_group(host, name).slot);
  std::optional<bpf::Ledger> ledger;
  if (bpf::hooks_attached(host.paths.pins)) ledger = UBC_TRY(bpf::Ledger::open(host.paths.pins));
  for (std::uint32_t slot = 1; slot < UBC_MAX_SLOTS; ++slot)
    if (!taken.contains(slot) && (!ledger || ledger->idle(slot))) return slot;
  return os::error(Code::no_resources, "all {} slots are taken: destroy a container first", UBC_MAX_SLOTS - 1);
}

Result<> make_area(const Host& host, std::uint32_t id, std::string_view template_name, const AreaFill& fill) {
  const std::string area = host.paths.area_of(id), fresh = fmt::format("{}{}", area, kUnfinished);
  if (::access(area.c_str(), F_OK) == 0)
    return os::error(Code::exists, "container {} has a private area already ({}): destroy it first, or take another id", id, area);
  // What lies below belongs to guests' ids, and may hold files that are setuid for them: nobody but root gets here.
  UBC_TRY(os::make_directories(host.paths.lib + "/private", 0700));
  UBC_TRY(os::make_directories(host.paths.run));
  os::Rollback rollback;
  rollback.add([&] { os::remove_tree(fresh); });
  const uid_t base = UBC_TRY(begin_area(host, id, fresh, template_name));
  if (fill) UBC_TRY(fill(fresh, base));
  if (::rename(fresh.c_str(), area.c_str()) != 0) return os::sys_error(errno, "put in place", area);
  rollback.commit();
  return {};
}

Result<std::string> template_of(const Host& host, std::uint32_t id) {
  return os::with_context(os::read_text(host.paths.area_of(id) + "/template"), fmt::format("the template of container {}", id));
}

Result<> remove_area(const Host& host, std::uint32_t id) {
  const std::string area = host.paths.area_of(id), doomed = fmt::format("{}/private/.gone-{}", host.paths.lib, id);
  os::remove_tree(doomed);
  if (::rename(area.c_str(), doomed.c_str()) != 0 && errno != ENOENT) return os::sys_error(errno, "remove", area);
  os::remove_tree(doomed);
  return {};
}

std::optional<RunRecord> read_record(const Host& host, std::uint32_t id) {
  const auto text = os::read_text(record_of(host, id));
  if (!text) return std::nullopt;
  const os::Assignments file{*text};
  const auto number = [&](std::string_view key) { return os::parse_number(file.get(key)).value_or(0); };
  return RunRecord{.starting = file.get("STATE") != "running",
                   .init_pid = static_cast<pid_t>(number("INIT_PID")),
                   .init_start_time = number("INIT_START_TIME"),
                   .started_at = static_cast<std::int64_t>(number("STARTED_AT")),
                   .capabilities = file.get("CAPABILITY"),
                   .group = file.get("GROUP"),
                   .addresses = parse_addresses(file.get("IP_ADDRESS")).value_or(Addresses{}),
                   .bridged = parse_links(file.get("NETIF")).value_or(BridgedLinks{}),
                   .network_changing = file.get("NETWORK") == "changing"};
}

Result<> write_record(const Host& host, std::uint32_t id, const RunRecord& record) {
  return os::replace_text(
      record_of(host, id),
      fmt::format("STATE=\"{}\"\nINIT_PID=\"{}\"\nINIT_START_TIME=\"{}\"\nSTARTED_AT=\"{}\"\nCAPABILITY=\"{}\"\nGROUP=\"{}\"\n"
                  "IP_ADDRESS=\"{}\"\nNETIF=\"{}\"\nNETWORK=\"{}\"\n",
                  record.starting ? "starting" : "running", std::max(record.init_pid, 0), record.init_start_time, record.started_at,
                  record.capabilities, record.group, text_of(record.addresses), text_of(record.bridged),
                  record.network_changing ? "changing" : ""),
      0600);
}

void remove_record(const Host& host, std::uint32_t id) { (void)::unlink(record_of(host, id).c_str()); }

}  // namespace ubc::container

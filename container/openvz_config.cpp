// SPDX-License-Identifier: Apache-2.0
#include "container/openvz_config.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

#include "accounting/resource.h"
#include "accounting/shares.h"
#include "accounting/vswap.h"
#include "container/bind_mounts.h"
#include "container/container_record.h"
#include "container/device_nodes.h"
#include "container/disk_quota.h"
#include "container/guest_rights.h"
#include "container/network_settings.h"
#include "container/plain_keys.h"
#include "os/assignments.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

using accounting::ConfigFile;

/// What became of an OpenVZ key that ubc has no use for. No reason: nothing is lost with it.
struct Obsolete {
  std::string_view key, why;
};
constexpr auto kObsolete = std::to_array<Obsolete>({
    {"VE_ROOT", ""},
    {"VE_PRIVATE", ""},
    {"VE_LAYOUT", ""},
    {"IPTABLES", "each guest has a netfilter of its own, with the modules that the host has loaded"},
    {"NETFILTER", "each guest has a netfilter of its own, with the modules that the host has loaded"},
    {"DEVICES", "devices are given by name: ubctl set --devnodes"},
    {"QUOTAUGIDLIMIT", "there is no quota of users within a container"},
    {"RATE", "its classes of traffic are not there: ubctl set --rate 10M limits all of it"},
    {"RATEBOUND", "what --rate says is always kept"},
});

/// What says nothing to ubc but is worth keeping: where the container came from.
constexpr auto kKept = std::to_array<std::string_view>({"OSTEMPLATE", "ORIGIN_SAMPLE", "DESCRIPTION", "DISTRIBUTION"});
constexpr auto kPlain = std::to_array<std::string_view>({"ONBOOT", "DISABLED", "STOP_TIMEOUT", "BOOTORDER", "HOSTNAME"});
constexpr auto kDisk = std::to_array<std::string_view>({"DISKSPACE", "DISKINODES", "QUOTATIME", "DISK_QUOTA"});
constexpr auto kNetwork = std::to_array<std::string_view>({"IP_ADDRESS", "NETIF", "NAMESERVER", "SEARCHDOMAIN"});

bool is_in(const auto& keys, std::string_view key) { return std::ranges::find(keys, key) != std::end(keys); }

ConfigFile alone(std::string_view key, std::string_view value) {
  ConfigFile file;
  file.set(key, value);
  return file;
}

/// The words that pass, and why the others don't.
std::string passing(std::string_view value, const auto& check, std::vector<std::string>& left_out) {
  std::string kept;
  for (const std::string_view word : os::words_in(value)) {
    if (const auto fine = check(word); fine)
      kept += fmt::format("{}{}", kept.empty() ? "" : " ", word);
    else
      left_out.push_back(fine.error().message);
  }
  return kept;
}

Result<> check_share(std::string_view key, const std::string& value) {
  const auto knobs = accounting::share_knobs(alone(key, value), "");
  return knobs ? Result<>{} : Result<>{std::unexpected(knobs.error())};
}

Result<> check_number(std::string_view key, const std::string& value) {
  if (const accounting::ResourceInfo* resource = accounting::find_resource(key)) (void)UBC_TRY(accounting::parse_limits(*resource, value));
  if (key == "VM_OVERCOMMIT") (void)UBC_TRY(accounting::parse_overcommit(value));
  if (key == "AVNUMPROC") (void)UBC_TRY(accounting::parse_pair("avnumproc", accounting::Unit::items, value));
  return {};
}

bool is_number(std::string_view key) { return accounting::find_resource(key) != nullptr || key == "VM_OVERCOMMIT" || key == "AVNUMPROC"; }

/// OpenVZ took an address with the mask of its network, and used it without.
std::string without_masks(std::string_view value) {
  std::string addresses;
  for (const std::string_view word : os::words_in(value))
    addresses += fmt::format("{}{}", addresses.empty() ? "" : " ", word.substr(0, word.find('/')));
  return addresses;
}

/// What our configuration says in its place; may add to `left_out` where a part of it is not taken.
Result<std::string> taken(std::string_view key, const std::string& value, std::vector<std::string>& left_out) {
  if (value.empty() || is_in(kKept, key)) return value;
  if (is_number(key)) return UBC_TRY(check_number(key, value)), value;
  if (accounting::find_share(key) != nullptr) return UBC_TRY(check_share(key, value)), value;
  if (is_in(kPlain, key)) return UBC_TRY(check_plain_key(key, value)), value;
  if (is_in(kDisk, key)) return disk_value(key, value);
  if (key == "NAME") return UBC_TRY(check_name(value)), value;
  if (key == "FEATURES") return passing(value, parse_features, left_out);
  if (key == "CAPABILITY") return passing(value, parse_capabilities, left_out);
  if (key == "DEVNODES") return passing(value, parse_device_wish, left_out);
  if (key == "BINDMOUNT") return (void)UBC_TRY(parse_bind_mounts(value)), value;
  if (key == "NAMESERVER" && value == "inherit") return os::error(Code::bad_value, "say the servers: ubctl set --nameserver ADDRESS");
  if (!is_in(kNetwork, key)) return os::error(Code::bad_value, "there is no such setting");
  const std::string said = key == "IP_ADDRESS" ? without_masks(value) : value;
  (void)UBC_TRY(network_in(alone(key, said)));
  return said;
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += with.size()) text.replace(at, what.size(), with);
  return text;
}

/// A line of the file as it is to be.
std::string line_for(std::string_view line, std::uint32_t id, OpenvzConfig& read) {
  const auto assignment = os::parse_assignment(line);
  const std::string_view bare = os::trimmed(line);
  if (!assignment) return bare.empty() || bare.front() == '#' ? std::string{line} : fmt::format("# {}", line);
  const std::string number = std::to_string(id);
  const std::string value = replaced(replaced(assignment->value, "${VEID}", number), "$VEID", number);
  if (assignment->key == "VE_PRIVATE") read.private_area = value;
  const auto obsolete = std::ranges::find(kObsolete, assignment->key, &Obsolete::key);
  if (obsolete != kObsolete.end()) {
    if (!obsolete->why.empty()) read.left_out.push_back(fmt::format("{} is left out: {}", assignment->key, obsolete->why));
    return fmt::format("# {}", line);
  }
  std::vector<std::string> parts;
  const auto kept = taken(assignment->key, value, parts);
  for (const std::string& part : parts) read.left_out.push_back(fmt::format("{}: {}", assignment->key, part));
  if (!kept) read.left_out.push_back(fmt::format("{}=\"{}\" is left out: {}", assignment->key, os::printable(value), kept.error().message));
  if (!kept) return fmt::format("# {}", line);
  return *kept == assignment->value ? std::string{line} : os::format_assignment(assignment->key, *kept);
}

}  // namespace

OpenvzConfig read_openvz_config(std::string_view text, std::uint32_t id) {
  OpenvzConfig read;
  read.left_out = ConfigFile::parse(text).complaints();
  std::string ours;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    ours += line_for(line, id, read) + "\n";
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  read.config = ConfigFile::parse(ours.substr(0, ours.empty() ? 0 : ours.size() - 1));
  return read;
}

}  // namespace ubc::container

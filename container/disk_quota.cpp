// SPDX-License-Identifier: Apache-2.0
#include "container/disk_quota.h"

#include <array>
#include <string_view>

#include "accounting/limits.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

using accounting::ConfigFile;
using accounting::Limits;

constexpr auto kKeys = std::to_array<std::string_view>({"DISKSPACE", "DISKINODES", "QUOTATIME", "DISK_QUOTA"});

/// What the guest writes to, both of one project: the overlay moves files from one to the other.
std::array<std::string, 2> written(const std::string& area) { return {area + "/upper", area + "/work"}; }

os::ProjectAmount amount_of(const Limits& limits, std::uint64_t unit, bool soft_is_hard) {
  const std::uint64_t soft = limits.barrier.raw() * unit;
  return {0, soft, soft_is_hard ? soft : limits.limit.raw() * unit};
}

/// Seconds; nullopt where it does not say.
Result<std::optional<std::uint64_t>> grace_in(const ConfigFile& config) {
  const auto text = config.get("QUOTATIME");
  if (!text || text->empty()) return std::optional<std::uint64_t>{};
  return std::optional{UBC_TRY(os::with_context(os::parse_number(*text), "QUOTATIME"))};
}

bool is_limited(const os::ProjectUse& use) { return use.bytes.hard != 0 || use.inodes.hard != 0; }

}  // namespace

bool says_disk(const ConfigFile& config) {
  for (const std::string_view key : kKeys)
    if (config.get(key)) return true;
  return false;
}

Result<std::string> disk_value(std::string_view key, const std::string& text) {
  if (key == "DISKSPACE" || key == "DISKINODES") {
    const auto pair = UBC_TRY(key == "DISKSPACE" ? accounting::parse_diskspace(text) : accounting::parse_diskinodes(text));
    if (pair.barrier > pair.limit)
      return os::error(Code::bad_value, "Bad parameter for --{}: {}: the soft limit is above the hard one",
                       key == "DISKSPACE" ? "diskspace" : "diskinodes", text);
    return accounting::format_pair(pair);
  }
  if (key == "QUOTATIME" && !os::parse_number(text)) return os::error(Code::bad_value, "Bad parameter for --quotatime: {}: seconds", text);
  if (key == "DISK_QUOTA" && text != "yes" && text != "no")
    return os::error(Code::bad_value, "Bad parameter for --diskquota: {}: say yes or no", text);
  return text;
}

Result<os::ProjectUse> disk_limits_in(const ConfigFile& config) {
  os::ProjectUse limits;
  if (config.get("DISK_QUOTA") == "no") return limits;
  const bool soft_is_hard = UBC_TRY(grace_in(config)) == 0U;
  if (const auto space = config.get("DISKSPACE"); space && !space->empty())
    limits.bytes = amount_of(UBC_TRY(accounting::parse_diskspace(*space)), 1024, soft_is_hard);
  if (const auto inodes = config.get("DISKINODES"); inodes && !inodes->empty())
    limits.inodes = amount_of(UBC_TRY(accounting::parse_diskinodes(*inodes)), 1, soft_is_hard);
  return limits;
}

void count_disk(const std::string& area, std::uint32_t id) {
  for (const std::string& directory : written(area)) (void)os::assign_project(directory, id);
}

Result<> limit_disk(const Host& host, std::uint32_t id, const ConfigFile& config) {
  const os::ProjectUse wanted = UBC_TRY(disk_limits_in(config));
  const std::string upper = written(host.paths.area_of(id)).front();
  const os::ProjectQuota does = os::project_quota_at(upper);
  if (!is_limited(wanted) && does == os::ProjectQuota::none) return {};
  if (does == os::ProjectQuota::counted && is_limited(wanted))
    return os::error(Code::unsupported, "the file system of {} counts by project and refuses nothing: mount it with the option prjquota",
                     upper);
  if (UBC_TRY(os::project_of(upper)) != id && is_limited(wanted) && does == os::ProjectQuota::enforced)
    return os::error(
        Code::unsupported,
        "the private area {} was made when its file system did not count by project: move the guest to a new one, by ubctl template save "
        "and ubctl create",
        host.paths.area_of(id));
  UBC_TRY(os::limit_project(upper, id, wanted));
  const std::uint64_t grace = UBC_TRY(grace_in(config)).value_or(0);
  return grace == 0 ? Result<>{} : os::set_project_grace(upper, grace);
}

void limit_disk_at_start(const Host& host, std::uint32_t id, const ConfigFile& config, std::vector<std::string>& notes) {
  if (const auto limited = limit_disk(host, id, config); !limited)
    notes.push_back(fmt::format("diskspace and diskinodes of container {} are not limited: {}", id, limited.error().message));
}

void forget_disk(const Host& host, std::uint32_t id) {
  const std::string areas = host.paths.lib + "/private";
  if (os::project_quota_at(areas) != os::ProjectQuota::none) (void)os::limit_project(areas, id, {});
}

std::optional<os::ProjectUse> disk_use(const Host& host, std::uint32_t id) {
  const auto use = os::project_use(host.paths.area_of(id), id);   // not by what the guest writes to, which may shut everybody out
  const bool counted = use && use->inodes.held != 0;
  return counted ? std::optional{*use} : std::nullopt;
}

}  // namespace ubc::container

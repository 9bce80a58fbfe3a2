// SPDX-License-Identifier: Apache-2.0
// What create and set say of disk space, in vzctl's words, and what show says of it.
#include <array>

#include "cli/options.h"
#include "cli/report.h"
#include "container/disk_quota.h"

namespace ubc::cli {
namespace {

struct DiskOption {
  const char* option;
  const char* key;
  const char* help;
};
constexpr auto kDiskOptions = std::to_array<DiskOption>({
    {"--diskspace", "DISKSPACE", "soft[:hard] in KiB, or with T, G, M, K: what its private area may take"},
    {"--diskinodes", "DISKINODES", "soft[:hard]: the files and directories in it"},
    {"--quotatime", "QUOTATIME", "seconds above soft before it refuses like hard; 0: at once. The file system has one for all"},
    {"--diskquota", "DISK_QUOTA", "yes or no: neither is limited"},
});

}  // namespace

void add_disk_options(CLI::App& verb, std::map<std::string, std::string>& options) {
  for (const DiskOption& option : kDiskOptions)
    verb.add_option_function<std::string>(
            option.option, [&options, &option](const std::string& value) { options[option.key] = value; }, option.help)
        ->group("Disk space");
}

Result<> add_disk_changes(const std::map<std::string, std::string>& options, Changes& changes) {
  for (const auto& [key, text] : options) changes.keys[key] = UBC_TRY(container::disk_value(key, text));
  return {};
}

bool concerns_disk(const Changes& changes) {
  for (const DiskOption& option : kDiskOptions)
    if (changes.keys.contains(option.key)) return true;
  return false;
}

int apply_disk(const container::Host& host, const Say& say, std::uint32_t id, const accounting::ConfigFile& config) {
  const auto limited = container::limit_disk(host, id, config);
  if (!limited) return fail(limited.error());
  say("Disk quota was set successfully");
  return exit_ok;
}

}  // namespace ubc::cli

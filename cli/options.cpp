// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include "os/text_file.h"

namespace ubc::cli {
namespace {

struct KeyOption {
  const char* option;
  const char* key;
  const char* help;
};
constexpr KeyOption kKeyOptions[] = {
    {"--name", "NAME", "a name that works wherever the id does; empty: none"},
    {"--hostname", "HOSTNAME", "the guest's host name"},
    {"--description", "DESCRIPTION", "free text"},
    {"--onboot", "ONBOOT", "yes or no"},
    {"--disabled", "DISABLED", "yes: it can't be started"},
    {"--stop-timeout", "STOP_TIMEOUT", "seconds that stop waits before it kills"},
    {"--init", "INIT", "what runs as the guest's process 1 (default /sbin/init)"},
};

Result<> check_key(const std::string& key, const std::string& value) {
  const bool yes_no = key == "ONBOOT" || key == "DISABLED";
  if (yes_no && value != "yes" && value != "no")
    return os::error(Code::bad_value, "Bad parameter for --{}: {}: say yes or no", key == "ONBOOT" ? "onboot" : "disabled", value);
  if (key == "STOP_TIMEOUT" && (!os::parse_number(value) || *os::parse_number(value) > 86400))
    return os::error(Code::bad_value, "Bad parameter for --stop-timeout: {}: seconds, at most 86400", value);
  const bool host_name = value.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == std::string::npos;
  if (key == "HOSTNAME" && (!host_name || value.size() > 64))
    return os::error(Code::bad_value, "Bad parameter for --hostname: {}: letters, digits, - and ., at most 64", value);
  return {};
}

}  // namespace

CLI::Option* add_ctid(CLI::App& verb, Invocation& invocation) {
  return verb.add_option("CTID", invocation.ctid, "the container's id or name")->required();
}

void add_config_options(CLI::App& verb, ConfigOptions& options) {
  for (const accounting::ResourceInfo& info : accounting::kResources)
    verb.add_option(fmt::format("--{}", info.name), options.beancounters[std::string{info.name}],
                    info.unit == accounting::Unit::items ? "N[:N] or unlimited" : "N[TGMKPB][:N[TGMKPB]] or unlimited")
        ->group("Beancounters, barrier:limit");
  verb.add_option("--ram", options.ram, "physpages' limit in bytes, with T, G, M, K")->group("Beancounters, barrier:limit");
  verb.add_option("--swap", options.swap, "swappages' limit in bytes, with T, G, M, K")->group("Beancounters, barrier:limit");
  for (const KeyOption& option : kKeyOptions)
    verb.add_option_function<std::string>(
        option.option, [&options, &option](const std::string& value) { options.keys[option.key] = value; }, option.help);
}

Result<Changes> changes_from(const ConfigOptions& options) {
  Changes changes;
  for (const accounting::ResourceInfo& info : accounting::kResources) {
    const std::string& text = options.beancounters.at(std::string{info.name});
    if (text.empty()) continue;
    changes.limits[info.resource] = UBC_TRY(accounting::parse_limits(info, text));
  }
  if (!options.ram.empty()) changes.limits[UBC_PHYSPAGES] = UBC_TRY(accounting::parse_ram("ram", options.ram));
  if (!options.swap.empty()) changes.limits[UBC_SWAPPAGES] = UBC_TRY(accounting::parse_ram("swap", options.swap));
  for (const auto& [key, value] : options.keys) UBC_TRY(check_key(key, value));
  changes.keys = options.keys;
  return changes;
}

void write_changes(accounting::ConfigFile& config, const Changes& changes) {
  for (const accounting::ResourceInfo& info : accounting::kResources)
    if (const auto& limits = changes.limits[info.resource]) config.set(accounting::key_of(info.name), accounting::format_limits(*limits));
  for (const auto& [key, value] : changes.keys) config.set(key, value);
}

}  // namespace ubc::cli

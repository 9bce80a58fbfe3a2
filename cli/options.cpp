// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <sys/sysinfo.h>

#include "accounting/samples.h"
#include "accounting/shares.h"
#include "accounting/vswap.h"
#include "container/limit_change.h"
#include "container/plain_keys.h"

namespace ubc::cli {
namespace {

struct KeyOption {
  const char* option;
  const char* key;
  const char* help;
  bool at_start = false;   ///< a running guest keeps what it was started with
};
constexpr KeyOption kKeyOptions[] = {
    {"--name", "NAME", "a name that works wherever the id does; empty: none"},
    {"--group", "GROUP", "the group that pays with it: ubctl group list; empty: none", true},
    {"--hostname", "HOSTNAME", "the guest's host name"},
    {"--description", "DESCRIPTION", "free text"},
    {"--onboot", "ONBOOT", "yes or no"},
    {"--bootorder", "BOOTORDER", "a number: the higher, the earlier at boot"},
    {"--disabled", "DISABLED", "yes: it can't be started"},
    {"--stop-timeout", "STOP_TIMEOUT", "seconds that stop waits before it kills"},
    {"--actions", "ACTIONS", "what ubctl watch does besides: RESOURCE:WHEN:WHAT ...; empty: nothing (man ubctl)"},
    {"--init", "INIT", "what runs as the guest's process 1 (default /sbin/init)", true},
};

}  // namespace

CLI::Option* add_ctid(CLI::App& verb, Invocation& invocation) {
  return verb.add_option("CTID", invocation.ctid, "the container's id or name")->required();
}

void add_beancounter_options(CLI::App& verb, ConfigOptions& options) {
  for (const accounting::ResourceInfo& info : accounting::kResources)
    verb.add_option(fmt::format("--{}", info.name), options.beancounters[std::string{info.name}],
                    info.unit == accounting::Unit::items ? "N[:N] or unlimited" : "N[TGMKPB][:N[TGMKPB]] or unlimited")
        ->group("Beancounters, barrier:limit");
  constexpr const char* kVswap = "VSwap: RAM and swap, and the rest follows";
  verb.add_option("--ram", options.ram, "physpages' limit in bytes, with T, G, M, K")->group(kVswap);
  verb.add_option("--swap", options.swap, "swappages' limit in bytes, with T, G, M, K")->group(kVswap);
  verb.add_option("--vm_overcommit", options.overcommit, "privvmpages = (ram + swap) * this; 0: unlimited")->group(kVswap);
  verb.add_option("--avnumproc", options.avnumproc, "processes on average: for validate only")->group("Beancounters, barrier:limit");
}

void add_config_options(CLI::App& verb, ConfigOptions& options) {
  add_beancounter_options(verb, options);
  for (const accounting::ShareInfo& share : accounting::kShares)
    verb.add_option(fmt::format("--{}", share.option), options.shares[std::string{share.option}], std::string{share.help})
        ->group("CPU and disk");
  for (const KeyOption& option : kKeyOptions)
    verb.add_option_function<std::string>(
        option.option, [&options, &option](const std::string& value) { options.keys[option.key] = value; }, option.help);
  constexpr const char* kBinds = "Directories and devices of the host, from the next start on";
  verb.add_option("--bindmount_add", options.bind_add, "/source:/target[,ro][,noexec]; may be said again")
      ->group(kBinds)
      ->allow_extra_args(false);
  verb.add_option("--bindmount_del", options.bind_drop, "the target of one that it has no more, or all")
      ->group(kBinds)
      ->allow_extra_args(false);
  verb.add_option("--devnodes", options.devices, "a device below /dev and r, w, rw or none, as in net/tun:rw; may be said again")
      ->group(kBinds)
      ->allow_extra_args(false);
  constexpr const char* kRights = "What it may more or less than others, from the next start on";
  verb.add_option("--features", options.features, "NAME:on|off[,...]: fuse, tun, ppp, sit, ipip, ipgre, bridge")
      ->group(kRights)
      ->allow_extra_args(false);
  verb.add_option("--capability", options.capabilities, "NAME:on|off[,...]: a capability within the guest, as net_raw:off")
      ->group(kRights)
      ->allow_extra_args(false);
  add_disk_options(verb, options.disk);
  add_network_options(verb, options.network);
}

Result<Changes> changes_from(const ConfigOptions& options) {
  Changes changes;
  for (const accounting::ResourceInfo& info : accounting::kResources) {
    const auto text = options.beancounters.find(std::string{info.name});
    if (text == options.beancounters.end() || text->second.empty()) continue;
    changes.limits[info.resource] = UBC_TRY(accounting::parse_limits(info, text->second));
  }
  if (!options.ram.empty()) changes.limits[UBC_PHYSPAGES] = UBC_TRY(accounting::parse_ram("ram", options.ram));
  if (!options.swap.empty()) changes.limits[UBC_SWAPPAGES] = UBC_TRY(accounting::parse_ram("swap", options.swap));
  for (const auto& [key, value] : options.keys) UBC_TRY(container::check_plain_key(key, value));
  changes.keys = options.keys;
  for (const accounting::ShareInfo& share : accounting::kShares)
    if (const auto text = options.shares.find(std::string{share.option}); text != options.shares.end() && !text->second.empty())
      changes.keys[accounting::key_of(share.option)] =
          UBC_TRY(accounting::share_value(share, text->second, static_cast<unsigned>(::get_nprocs())));
  if (!options.overcommit.empty()) {
    UBC_TRY(accounting::parse_overcommit(options.overcommit));
    changes.keys["VM_OVERCOMMIT"] = options.overcommit;
  }
  if (!options.avnumproc.empty()) {
    const auto average = UBC_TRY(accounting::parse_pair("avnumproc", accounting::Unit::items, options.avnumproc));
    changes.keys["AVNUMPROC"] = accounting::format_limits(average);
  }
  for (const std::string& text : options.bind_add) changes.binds.add.push_back(UBC_TRY(container::parse_bind_mount(text)));
  for (const std::string& text : options.bind_drop)
    if (text == "all")
      changes.binds.drop_all = true;
    else
      changes.binds.drop.push_back(text);
  for (const std::string& text : options.devices) changes.devices.push_back(UBC_TRY(container::parse_device_wish(text)));
  for (const std::string& text : options.features)
    for (const auto& [name, on] : UBC_TRY(container::parse_features(text))) changes.features[name] = on;
  for (const std::string& text : options.capabilities)
    for (const auto& [name, on] : UBC_TRY(container::parse_capabilities(text))) changes.capabilities[name] = on;
  UBC_TRY(add_disk_changes(options.disk, changes));
  UBC_TRY(add_network_changes(options.network, changes));
  return changes;
}

void write_changes(accounting::ConfigFile& config, const Changes& changes) {
  for (const accounting::ResourceInfo& info : accounting::kResources)
    if (const auto& limits = changes.limits[info.resource]) config.set(accounting::key_of(info.name), accounting::format_limits(*limits));
  for (const auto& [key, value] : changes.keys) config.set(key, value);
  if (!changes.devices.empty())
    config.set("DEVNODES", container::change_device_nodes(config.get("DEVNODES").value_or(""), changes.devices).value_or(""));
  if (!changes.features.empty()) config.set("FEATURES", container::changed(config.get("FEATURES").value_or(""), changes.features));
  if (!changes.capabilities.empty())
    config.set("CAPABILITY", container::changed(config.get("CAPABILITY").value_or(""), changes.capabilities));
  if (!changes.binds.empty()) {
    const auto binds = container::parse_bind_mounts(config.get("BINDMOUNT").value_or("")).value_or(container::BindMounts{});
    config.set("BINDMOUNT", container::text_of(container::changed(binds, changes.binds)));
  }
  if (!changes.links.empty()) {
    const auto links = container::parse_links(config.get("NETIF").value_or("")).value_or(container::BridgedLinks{});
    config.set("NETIF", container::text_of(container::changed(links, changes.links)));
  }
  if (changes.addresses.empty()) return;
  const auto now = container::parse_addresses(config.get("IP_ADDRESS").value_or("")).value_or(container::Addresses{});
  config.set("IP_ADDRESS", container::text_of(container::changed(now, changes.addresses)));
}

Result<> merge_sample(Changes& changes, const accounting::ConfigFile& sample, const std::string& name) {
  const auto said = UBC_TRY(container::limits_in(sample));
  for (const accounting::ResourceInfo& info : accounting::kResources)
    if (said[info.resource]) changes.limits[info.resource] = said[info.resource];
  for (const std::string& key : sample.keys())
    if (accounting::find_resource(key) == nullptr && !accounting::is_own_key(key)) changes.keys[key] = *sample.get(key);
  // Disk numbers are kept in KiB and inodes, whatever the sample spells.
  if (const auto text = sample.get("DISKSPACE"))
    changes.keys["DISKSPACE"] = accounting::format_pair(UBC_TRY(accounting::parse_diskspace(*text)));
  if (const auto text = sample.get("DISKINODES"))
    changes.keys["DISKINODES"] = accounting::format_pair(UBC_TRY(accounting::parse_diskinodes(*text)));
  changes.keys.try_emplace("ORIGIN_SAMPLE", name);
  return {};
}

int fail_for_swap() { return fail(container::swap_missing(), exit_ub_missing); }

std::vector<std::string> keys_for_restart(const accounting::ConfigFile& config, const Changes& changes) {
  std::vector<std::string> keys;
  for (const KeyOption& option : kKeyOptions)
    if (const auto change = changes.keys.find(option.key); option.at_start && change != changes.keys.end())
      if (change->second != config.get(option.key).value_or("")) keys.emplace_back(option.key);
  if (!changes.binds.empty()) keys.emplace_back("BINDMOUNT");
  if (!changes.devices.empty()) keys.emplace_back("DEVNODES");
  if (!changes.features.empty()) keys.emplace_back("FEATURES");
  if (!changes.capabilities.empty()) keys.emplace_back("CAPABILITY");
  return keys;
}

}  // namespace ubc::cli

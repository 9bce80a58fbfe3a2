// SPDX-License-Identifier: Apache-2.0
// set: a container's numbers, live and in its configuration.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "accounting/samples.h"
#include "accounting/shares.h"
#include "cli/options.h"
#include "cli/report.h"
#include "container/adopted_record.h"
#include "container/container.h"
#include "container/group_record.h"
#include "container/guest_accounts.h"
#include "container/limit_change.h"
#include "container/network.h"
#include "container/share_tuning.h"

namespace ubc::cli {
namespace {

using container::Host;

struct SetOptions {
  ConfigOptions config;
  std::string sample, mode, account;
  bool save = false, dry_run = false, reset = false;
};

bool has_limits(const container::AllLimits& all) {
  for (const auto& limits : all)
    if (limits) return true;
  return false;
}

/// Whether the command is about beancounters: one that only names a container works on any configuration.
bool is_empty(const Changes& changes) {
  return !has_limits(changes.limits) && changes.keys.empty() && changes.addresses.empty() && changes.links.empty() &&
         changes.binds.empty() && changes.devices.empty() && changes.features.empty() && changes.capabilities.empty();
}
bool concerns_limits(const Changes& changes) { return has_limits(changes.limits) || changes.keys.contains("VM_OVERCOMMIT"); }

/// A command that is not about beancounters works on a configuration whose numbers are wrong, too.
Result<container::AllLimits> limits_for(const accounting::ConfigFile& changed, const Changes& changes) {
  return concerns_limits(changes) ? container::limits_for(changed, changes.limits) : container::AllLimits{};
}

int dry_run(const Host& host, const Say& say, std::uint32_t id, const container::AllLimits& limits, const Changes& changes,
            const accounting::ConfigFile& changed) {
  const auto now = container::snapshot(host, id);
  if (!now) return fail(now.error());
  for (const container::LimitChange& change : container::limit_changes(*now, limits))
    say(fmt::format("{}: {} -> {} (held {}{})", accounting::info_of(change.resource)->name, accounting::format_limits(change.before),
                    accounting::format_limits(change.after), change.held,
                    change.held > change.after.barrier.raw() ? "; above the new barrier: growth is refused, nothing is killed" : ""));
  for (const auto& [key, value] : changes.keys) say(fmt::format("{}=\"{}\"", key, value));
  if (!changes.addresses.empty()) say(fmt::format("IP_ADDRESS=\"{}\"", changed.get("IP_ADDRESS").value_or("")));
  if (!changes.devices.empty()) say(fmt::format("DEVNODES=\"{}\"", changed.get("DEVNODES").value_or("")));
  if (!changes.features.empty()) say(fmt::format("FEATURES=\"{}\"", changed.get("FEATURES").value_or("")));
  if (!changes.capabilities.empty()) say(fmt::format("CAPABILITY=\"{}\"", changed.get("CAPABILITY").value_or("")));
  if (!changes.binds.empty()) say(fmt::format("BINDMOUNT=\"{}\"", changed.get("BINDMOUNT").value_or("")));
  if (!changes.links.empty()) say(fmt::format("NETIF=\"{}\"", changed.get("NETIF").value_or("")));
  say("Nothing was changed (--dry-run)");
  return exit_ok;
}

int save(const Host& host, const Say& say, std::uint32_t id, const Changes& changes) {
  const std::string path = host.paths.config_of(id);
  auto config = accounting::ConfigFile::load(path);
  if (!config) return fail(config.error());
  const std::string before = config->text(), name_before = config->get("NAME").value_or("");
  write_changes(*config, changes);
  if (const auto name = changes.keys.find("NAME"); name != changes.keys.end()) {
    if (const auto assigned = container::assign_name(host, id, name->second); !assigned) return fail(assigned.error(), exit_name);
    if (!name->second.empty()) say(fmt::format("Name {} assigned", name->second));
  }
  if (config->text() == before) {
    say("No changes in CT configuration, not saving");
    return exit_ok;
  }
  if (const auto saved = config->save(path); !saved) {
    if (changes.keys.contains("NAME")) (void)container::assign_name(host, id, name_before);
    return fail(saved.error(), 139);
  }
  say(fmt::format("CT configuration saved to {}", path));
  return exit_ok;
}

/// Both halves of a change to a running container that the guest takes up at its start.
int restart(const Host& host, const Say& say, std::uint32_t id) {
  if (const auto stopped = stop_told(host, say, id, false); !stopped) return fail(stopped.error(), exit_stop_failed);
  const auto started = start_told(host, say, id, false);
  return started ? static_cast<int>(exit_ok) : fail(started.error());
}

int not_saving(int code) {
  return fail({Code::bad_state, 0, "Error: failed to apply some parameters, not saving configuration file!"}, code);
}

bool concerns_shares(const Changes& changes) {
  return std::ranges::any_of(changes.keys, [](const auto& key) { return accounting::find_share(key.first) != nullptr; });
}

/// What the command says of CPU and disk, live.
int apply_shares(const Host& host, const Say& say, std::uint32_t id, const Changes& changes, const accounting::ConfigFile& config,
                 bool would_save) {
  if (!container::running(host, id))
    return fail({Code::bad_state, 0, "Unable to apply CPU and disk parameters: container is not running"}, exit_not_running);
  accounting::ConfigFile said;
  for (const auto& [key, value] : changes.keys)
    if (const std::string partner{accounting::partner_of(key)}; !partner.empty() && config.get(partner))
      said.set(partner, *config.get(partner));
  for (const auto& [key, value] : changes.keys)
    if (const accounting::ShareInfo* share = accounting::find_share(key)) {
      said.set(key, value);
      say(fmt::format("Setting {}: {}", share->told, value));
    }
  std::vector<std::string> notes;
  const auto applied = container::apply_shares(host, id, said, notes);
  warn(notes);
  if (applied) return exit_ok;
  const int code = fail(applied.error());
  return would_save ? not_saving(code) : code;
}

/// The limits, live. Says why not, and that nothing is saved then.
int apply(const Host& host, const Say& say, std::uint32_t id, const container::AllLimits& limits, bool would_save) {
  std::vector<std::string> notes;
  const auto tuned = container::tune(host, id, limits, notes);
  warn(notes);
  if (!tuned) {
    const int code = fail(tuned.error());
    return would_save ? not_saving(code) : code;
  }
  say("UB limits were set successfully");
  return exit_ok;
}

/// The options, and the sample over them. Its exit code where that fails.
std::expected<Changes, int> changes_of(const Host& host, const SetOptions& options) {
  auto changes = changes_from(options.config);
  if (!changes) return std::unexpected(fail(changes.error()));
  if (!options.sample.empty()) {
    const auto sample = accounting::load_sample(host.paths.conf(), options.sample);
    if (!sample) return std::unexpected(fail(sample.error(), exit_no_sample));
    if (const auto merged = merge_sample(*changes, *sample, options.sample); !merged)
      return std::unexpected(fail(merged.error(), exit_no_sample));
  }
  if (is_empty(*changes))
    return std::unexpected(fail({Code::bad_value, 0, "nothing to set: ubctl set --help lists the options"}, exit_bad_syntax));
  const bool kept_only = std::ranges::any_of(options.config.keys, [](const auto& key) { return key.first != "HOSTNAME"; });
  if (!options.save && !options.dry_run &&
      (kept_only || !changes->binds.empty() || !changes->devices.empty() || !changes->features.empty() || !changes->capabilities.empty() ||
       !options.config.avnumproc.empty()))
    return std::unexpected(
        fail({Code::bad_value, 0, "names, descriptions and the like are kept in the configuration only: add --save"}, exit_bad_value));
  if (const auto group = changes->keys.find("GROUP"); group != changes->keys.end() && !group->second.empty())
    if (const auto known = container::check_group(host, group->second); !known) return std::unexpected(fail(known.error()));
  if (!options.save && options.mode == "restart")
    return std::unexpected(
        fail({Code::bad_value, 0, "--setmode restart starts the container with what is saved: add --save"}, exit_bad_value));
  return *std::move(changes);
}

/// What a running guest can't take up: --setmode says what becomes of it. The lock is held.
int set_locked(const Host& host, const Say& say, std::uint32_t id, const SetOptions& options, const Changes& changes,
               const accounting::ConfigFile& config, const accounting::ConfigFile& changed, const container::AllLimits& limits) {
  const bool up = container::running(host, id).has_value();
  const auto waiting = up && options.save ? keys_for_restart(config, changes) : std::vector<std::string>{};
  if (!waiting.empty() && options.mode == "ignore") return not_saving(exit_running);
  if (concerns_limits(changes) && (up || !options.save))
    if (const int code = apply(host, say, id, limits, options.save); code != exit_ok) return code;
  if (concerns_shares(changes) && (up || !options.save))
    if (const int code = apply_shares(host, say, id, changes, config, options.save); code != exit_ok) return code;
  if (concerns_network(changes) && (up || !options.save))
    if (const int code = apply_network(host, say, id, changes, changed); code != exit_ok) return options.save ? not_saving(code) : code;
  if (concerns_disk(changes))
    if (const int code = apply_disk(host, say, id, changed); code != exit_ok) return options.save ? not_saving(code) : code;
  if (!options.save) {
    warn({"Settings were not saved to config and will be lost after CT restart (use --save flag)"});
    return exit_ok;
  }
  if (const int code = save(host, say, id, changes); code != exit_ok || waiting.empty()) return code;
  if (options.mode == "restart") return restart(host, say, id);
  for (const std::string& key : waiting)
    warn({fmt::format("{} is taken up when the container is started: --setmode restart does that now", key)});
  return exit_ok;
}

int set_adopted(const Host& host, const Say& say, std::uint32_t id, const SetOptions& options, const Changes& changes) {
  if (options.save)
    return fail(
        {Code::bad_value, 0, "an adopted container has no configuration to save in: leave --save out, or say the numbers to ubctl adopt"},
        exit_bad_value);
  if (options.dry_run) return dry_run(host, say, id, changes.limits, changes, {});
  if (concerns_shares(changes) || concerns_network(changes) || concerns_disk(changes))
    return fail({Code::bad_value, 0, "CPU, disk and network of an adopted container are its owner's to set; ubctl sets its beancounters"},
                exit_bad_value);
  const auto lock = container::lock_container(host, id, "set");
  return lock ? apply(host, say, id, changes.limits, false) : fail(lock.error());
}

int set(const Host& host, const Say& say, std::uint32_t id, const SetOptions& options) {
  auto changes = changes_of(host, options);
  if (!changes) return changes.error();
  name_links(*changes, id);
  if (container::read_adopted(host, id)) return set_adopted(host, say, id, options, *changes);
  const std::string path = host.paths.config_of(id);
  if (::access(path.c_str(), F_OK) != 0) return fail(container::unknown_container(id));
  const auto lock = options.dry_run ? Result<os::Fd>{} : container::lock_container(host, id, "set");
  if (!lock) return fail(lock.error());
  const auto config = accounting::ConfigFile::load(path);
  if (!config) return fail(config.error());
  accounting::ConfigFile changed = *config;
  write_changes(changed, *changes);
  if (concerns_limits(*changes) && container::lacks_swap(changed)) return fail_for_swap();
  if (const auto free = container::check_addresses(host, id, changes->addresses.add); !free) return fail_network(free.error());
  const auto limits = limits_for(changed, *changes);
  if (!limits) return fail(limits.error());
  if (options.dry_run) return dry_run(host, say, id, *limits, *changes, changed);
  return set_locked(host, say, id, options, *changes, *config, changed, *limits);
}

/// All of the configuration's beancounters, to the running container.
int reset(const Host& host, const Say& say, std::uint32_t id) {
  if (const auto ours = container::refuse_adopted(host, id, "reset the numbers of"); !ours) return fail(ours.error());
  const auto lock = container::lock_container(host, id, "set");
  if (!lock) return fail(lock.error());
  const auto config = accounting::ConfigFile::load(host.paths.config_of(id));
  if (!config) return fail(config.error());
  if (container::lacks_swap(*config)) return fail_for_swap();
  const auto limits = container::effective_limits(*config);
  return limits ? apply(host, say, id, *limits, false) : fail(limits.error());
}

bool is_alone(const SetOptions& options) {
  const auto changes = changes_from(options.config);
  return changes && is_empty(*changes) && options.sample.empty() && options.mode.empty() && !options.save && !options.dry_run;
}

/// The password is not kept: the guest's /etc/shadow has it.
int set_account(const Host& host, const Say& say, std::uint32_t id, std::string text) {
  if (const auto ours = container::refuse_adopted(host, id, "set a password in"); !ours) return fail(ours.error());
  if (text.ends_with(":-")) {
    std::string line;
    std::getline(std::cin, line);
    text.replace(text.size() - 1, 1, line);
  }
  const auto account = container::parse_account(text);
  if (!account) return fail(account.error());
  const auto set = container::set_password(host, id, *account);
  if (!set) return fail(set.error(), set.error().code == Code::bad_state ? exit_not_running : exit_password);
  say(fmt::format("Password of {} was set", account->user));
  return exit_ok;
}

int set_or_reset(const Host& host, const Say& say, std::uint32_t id, const SetOptions& options) {
  if (!options.account.empty()) {
    const int code = set_account(host, say, id, options.account);
    return code != exit_ok || is_alone(options) ? code : set(host, say, id, options);
  }
  if (!options.reset) return set(host, say, id, options);
  if (!is_alone(options))
    return fail({Code::bad_value, 0, "--reset_ub takes the numbers from the configuration: no other option goes with it"}, exit_bad_syntax);
  return reset(host, say, id);
}

}  // namespace

void add_set(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<SetOptions>();
  CLI::App* verb = app.add_subcommand("set", "change limits live, and with --save for good");
  add_ctid(*verb, invocation);
  add_config_options(*verb, options->config);
  verb->add_flag("--save", options->save, "write the container's configuration too");
  verb->add_flag("--dry-run", options->dry_run, "say what would change, and change nothing");
  verb->add_option("--applyconfig", options->sample, "a sample configuration's values over all others: basic, light, vswap-1g, ...");
  verb->add_option("--setmode", options->mode, "restart or ignore, where something can't be changed in a running container")
      ->check(CLI::IsMember({"restart", "ignore"}));
  verb->add_option("--userpasswd", options->account, "user:password, of a user inside, who is made if need be; user:- reads the password");
  verb->add_flag("--reset_ub", options->reset, "the configuration's limits to the running container, and nothing else");
  on_parsed(*verb, invocation,
            [options, &say = invocation.say](const Host& host, std::uint32_t id) { return set_or_reset(host, say, id, *options); });
}

}  // namespace ubc::cli

// SPDX-License-Identifier: Apache-2.0
// set: a container's numbers, live and in its configuration.
#include <unistd.h>

#include <memory>

#include "cli/options.h"
#include "cli/report.h"
#include "container/container.h"

namespace ubc::cli {
namespace {

using accounting::kResources;
using container::Host;

struct SetOptions {
  ConfigOptions config;
  bool save = false;
  bool dry_run = false;
};

bool has_limits(const Changes& changes) {
  for (const auto& limits : changes.limits)
    if (limits) return true;
  return false;
}

int dry_run(const Host& host, std::uint32_t id, const Changes& changes) {
  const auto now = container::snapshot(host, id);
  if (!now) return fail(now.error());
  for (const accounting::ResourceInfo& info : kResources) {
    const auto& wanted = changes.limits[info.resource];
    if (!wanted) continue;
    const accounting::Beancounter& counter = now->of(info.resource);
    const accounting::Limits before{accounting::Limit::at(counter.barrier), accounting::Limit::at(counter.limit)};
    say(fmt::format("{}: {} -> {} (held {}{})", info.name, accounting::format_limits(before), accounting::format_limits(*wanted),
                    counter.held,
                    counter.held > wanted->barrier.raw() ? "; above the new barrier: growth is refused, nothing is killed" : ""));
  }
  for (const auto& [key, value] : changes.keys) say(fmt::format("{}=\"{}\"", key, value));
  say("Nothing was changed (--dry-run)");
  return exit_ok;
}

int save(const Host& host, std::uint32_t id, const Changes& changes) {
  const std::string path = host.paths.config_of(id);
  auto config = accounting::ConfigFile::load(path);
  if (!config) return fail(config.error());
  const std::string before = config->text();
  write_changes(*config, changes);
  if (const auto name = changes.keys.find("NAME"); name != changes.keys.end()) {
    if (const auto assigned = container::assign_name(host, id, name->second); !assigned) return fail(assigned.error(), exit_name);
    if (!name->second.empty()) say(fmt::format("Name {} assigned", name->second));
  }
  if (config->text() == before) {
    say("No changes in CT configuration, not saving");
    return exit_ok;
  }
  if (const auto saved = config->save(path); !saved) return fail(saved.error(), 139);
  say(fmt::format("CT configuration saved to {}", path));
  return exit_ok;
}

int set(const Host& host, std::uint32_t id, const SetOptions& options) {
  const auto changes = changes_from(options.config);
  if (!changes) return fail(changes.error());
  if (!has_limits(*changes) && changes->keys.empty())
    return fail({Code::bad_value, 0, "nothing to set: ubctl set --help lists the options"}, exit_bad_syntax);
  if (::access(host.paths.config_of(id).c_str(), F_OK) != 0) return fail(container::unknown_container(id));
  if (options.dry_run) return dry_run(host, id, *changes);
  if (!changes->keys.empty() && !options.save)
    return fail({Code::bad_value, 0, "names, host names and the like are kept in the configuration only: add --save"}, exit_bad_value);
  const auto lock = container::lock_container(host, id, "set");
  if (!lock) return fail(lock.error());
  const bool up = container::running(host, id).has_value();
  if (has_limits(*changes) && (up || !options.save)) {
    std::vector<std::string> notes;
    const auto tuned = container::tune(host, id, changes->limits, notes);
    warn(notes);
    if (!tuned) {
      if (options.save) warn({"Error: failed to apply some parameters, not saving configuration file!"});
      return fail(tuned.error());
    }
    say("UB limits were set successfully");
  }
  if (options.save) return save(host, id, *changes);
  warn({"Settings were not saved to config and will be lost after CT restart (use --save flag)"});
  return exit_ok;
}

}  // namespace

void add_set(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<SetOptions>();
  CLI::App* verb = app.add_subcommand("set", "change limits live, and with --save for good");
  add_ctid(*verb, invocation);
  add_config_options(*verb, options->config);
  verb->add_flag("--save", options->save, "write the container's configuration too");
  verb->add_flag("--dry-run", options->dry_run, "say what would change, and change nothing");
  on_parsed(*verb, invocation, [options](const Host& host, std::uint32_t id) { return set(host, id, *options); });
}

}  // namespace ubc::cli

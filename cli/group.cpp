// SPDX-License-Identifier: Apache-2.0
// group: containers whose sum is capped together.
#include "container/group.h"

#include <algorithm>
#include <memory>

#include "cli/json.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/table.h"
#include "container/container.h"

namespace ubc::cli {
namespace {

using container::Host;

struct GroupOptions {
  std::string name;
  ConfigOptions config;
  bool save = false, failed = false, json = false;
};

/// The numbers that the options say. Fails with Code::bad_value where one is not a group's.
Result<Changes> group_changes(const GroupOptions& options) {
  auto changes = UBC_TRY(changes_from(options.config));
  if (!changes.keys.empty())
    return os::error(Code::bad_value, "a group has beancounters only, no {}: say the numbers that its containers come to together",
                     changes.keys.begin()->first);
  return changes;
}

bool says_nothing(const Changes& changes) {
  return std::ranges::none_of(changes.limits, [](const auto& limits) { return limits.has_value(); });
}

int create(const Host& host, const Say& say, const GroupOptions& options) {
  const auto changes = group_changes(options);
  if (!changes) return fail(changes.error());
  accounting::ConfigFile config;
  write_changes(config, *changes);
  if (const auto created = container::create_group(host, options.name, config); !created)
    return fail(created.error(), created.error().code == Code::exists ? exit_name : exit_of(created.error()));
  say(fmt::format("Group {} was created: ubctl set ID --group {} --save puts a container into it", options.name, options.name));
  return exit_ok;
}

int save(const Host& host, const Say& say, const std::string& name, const Changes& changes) {
  const std::string path = host.paths.group_config_of(name);
  auto config = accounting::ConfigFile::load(path);
  if (!config) return fail(config.error());
  write_changes(*config, changes);
  if (const auto saved = config->save(path); !saved) return fail(saved.error(), 139);
  say(fmt::format("Group configuration saved to {}", path));
  return exit_ok;
}

/// Live where a member runs; saved where that is asked for.
int set(const Host& host, const Say& say, const GroupOptions& options) {
  const auto changes = group_changes(options);
  if (!changes) return fail(changes.error());
  if (const auto known = container::check_group(host, options.name); !known) return fail(known.error());
  if (says_nothing(*changes))
    return fail({Code::bad_value, 0, "nothing to set: ubctl group set --help lists the options"}, exit_bad_syntax);
  const bool up = container::read_group(host, options.name).up;
  if (up || !options.save) {
    std::vector<std::string> notes;
    const auto tuned = container::tune_group(host, options.name, changes->limits, notes);
    warn(notes);
    if (!tuned) return fail(tuned.error());
    say("UB limits were set successfully");
  }
  if (options.save) return save(host, say, options.name, *changes);
  warn({"Settings were not saved to config and will be lost when the last container of the group stops (use --save flag)"});
  return exit_ok;
}

int destroy(const Host& host, const Say& say, const GroupOptions& options) {
  if (const auto destroyed = container::destroy_group(host, options.name); !destroyed)
    return fail(destroyed.error(), destroyed.error().code == Code::bad_state ? exit_running : exit_of(destroyed.error()));
  say(fmt::format("Group {} was destroyed", options.name));
  return exit_ok;
}

Result<nlohmann::ordered_json> json_of(const Host& host, const std::string& name) {
  const auto snapshot = UBC_TRY(container::group_snapshot(host, name));
  nlohmann::ordered_json object{
      {"group", name}, {"members", container::members_of(host, name)}, {"running", container::running_members(host, name)}};
  add_counters(object, snapshot);
  return object;
}

int list(const Host& host, const GroupOptions& options) {
  nlohmann::ordered_json array = nlohmann::ordered_json::array();
  if (!options.json) fmt::print("{:<32} {:>7} {:>7}\n", "GROUP", "MEMBERS", "RUNNING");
  for (const std::string& name : container::group_names(host)) {
    if (options.json) {
      auto object = json_of(host, name);
      if (!object) return fail(object.error());
      array.push_back(*std::move(object));
    } else {
      fmt::print("{:<32} {:>7} {:>7}\n", name, container::members_of(host, name).size(), container::running_members(host, name).size());
    }
  }
  if (options.json) fmt::print("{}\n", array.dump(4));
  return exit_ok;
}

int show(const Host& host, const GroupOptions& options) {
  if (options.json) {
    const auto object = json_of(host, options.name);
    if (!object) return fail(object.error());
    fmt::print("{}\n", object->dump(4));
    return exit_ok;
  }
  const auto snapshot = container::group_snapshot(host, options.name);
  if (!snapshot) return fail(snapshot.error());
  const auto running = container::running_members(host, options.name);
  std::string members;
  for (const std::uint32_t id : container::members_of(host, options.name))
    members += fmt::format("{}{}{}", members.empty() ? "" : ", ", id, std::ranges::find(running, id) == running.end() ? " (stopped)" : "");
  fmt::print("group {}, {}\n", options.name, members.empty() ? "no members" : "containers " + members);
  print_table(*snapshot, options.failed);
  return exit_ok;
}

}  // namespace

void add_group(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<GroupOptions>();
  CLI::App* verb = app.add_subcommand("group", "containers whose sum is capped together");
  verb->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, auto body) {
    CLI::App* part = verb->add_subcommand(name, help);
    part->callback([&invocation, options, body] { invocation.exit_code = body(invocation, *options); });
    return part;
  };
  const auto add_named = [&](const char* name, const char* help, auto body) {
    CLI::App* part = add(name, help, body);
    part->add_option("NAME", options->name, "the group's name")->required();
    return part;
  };
  CLI::App* created =
      add_named("create", "make one", [](Invocation& at, const GroupOptions& said) { return create(at.host, at.say, said); });
  add_beancounter_options(*created, options->config);
  CLI::App* changed = add_named("set", "change its limits live, and with --save for good",
                                [](Invocation& at, const GroupOptions& said) { return set(at.host, at.say, said); });
  add_beancounter_options(*changed, options->config);
  changed->add_flag("--save", options->save, "write the group's configuration too");
  add("list", "the groups of this host", [](Invocation& at, const GroupOptions& said) {
    return list(at.host, said);
  })->add_flag("-j,--json", options->json, "JSON, with all counters");
  CLI::App* shown = add_named("show", "held, maxheld, barrier, limit and failcnt of its containers together",
                              [](Invocation& at, const GroupOptions& said) { return show(at.host, said); });
  shown->add_flag("--failed", options->failed, "only what was refused");
  shown->add_flag("--json", options->json, "for machines");
  add_named("destroy", "remove one that has no members",
            [](Invocation& at, const GroupOptions& said) { return destroy(at.host, at.say, said); });
}

}  // namespace ubc::cli

// SPDX-License-Identifier: Apache-2.0
// create, start, stop, restart, status, destroy, exec, enter.
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "accounting/samples.h"
#include "cli/options.h"
#include "cli/report.h"
#include "container/action_scripts.h"
#include "container/adopted_record.h"
#include "container/container.h"
#include "container/limit_change.h"
#include "container/network.h"
#include "container/suspension.h"

namespace ubc::cli {
namespace {

using container::Host;

bool is_known(const Host& host, std::uint32_t id) { return ::access(host.paths.config_of(id).c_str(), F_OK) == 0; }

/// What a new container's configuration is before the options: the sample, or what was put there by hand. Its exit code where that fails.
std::expected<accounting::ConfigFile, int> config_of_new(const Host& host, std::uint32_t id, const std::string& sample) {
  const bool there = is_known(host, id);
  if (there && !sample.empty())
    return std::unexpected(
        fail({Code::exists, 0,
              fmt::format("{} exists already, and --config {} would replace it: remove one of them", host.paths.config_of(id), sample)},
             exit_config_copy));
  if (there && !host.settings.sample.empty()) warn({fmt::format("CONFIGFILE is ignored: {} exists already", host.paths.config_of(id))});
  const std::string& name = sample.empty() ? host.settings.sample : sample;
  auto config =
      there || name.empty() ? accounting::ConfigFile::load(host.paths.config_of(id)) : accounting::load_sample(host.paths.conf(), name);
  if (!config) return std::unexpected(fail(config.error(), there || name.empty() ? exit_of(config.error()) : exit_config_copy));
  if (!there && !name.empty()) config->set("ORIGIN_SAMPLE", name);
  return *std::move(config);
}

int create(const Host& host, const Say& say, std::uint32_t id, const std::string& ostemplate, const std::string& sample,
           const ConfigOptions& options) {
  if (const auto ours = container::refuse_adopted(host, id, "create"); !ours) return fail(ours.error(), exit_private_area_exists);
  auto changes = changes_from(options);
  if (!changes) return fail(changes.error());
  name_links(*changes, id);
  const auto lock = container::lock_container(host, id, "create");
  if (!lock) return fail(lock.error());
  if (::access(host.paths.area_of(id).c_str(), F_OK) == 0)
    return fail({Code::exists, 0, fmt::format("container {} exists already: destroy it first, or take another id", id)},
                exit_private_area_exists);
  auto config = config_of_new(host, id, sample);
  if (!config) return config.error();
  write_changes(*config, *changes);
  if (container::lacks_swap(*config)) return fail_for_swap();
  if (const auto free = container::check_addresses(host, id, changes->addresses.add); !free) return fail_network(free.error());
  const std::string name = ostemplate.empty() ? config->get("OSTEMPLATE").value_or("") : ostemplate;
  if (name.empty()) return fail({Code::bad_value, 0, "no template: say --ostemplate NAME; ubctl template list shows those that exist"}, 29);
  say(fmt::format("Creating container private area ({})", name));
  const auto created = container::create(host, id, name, *config);
  if (created) {
    say("Container private area was created");
    return exit_ok;
  }
  say("Creation of container private area failed");
  if (created.error().code == Code::not_found) return fail(created.error(), exit_no_template);
  return fail(created.error(), created.error().message.starts_with("Name ") ? exit_name : exit_of(created.error()));
}

int start(const Host& host, const Say& say, std::uint32_t id, bool force) {
  if (const auto ours = container::refuse_adopted(host, id, "start"); !ours) return fail(ours.error(), exit_running);
  if (!is_known(host, id)) return fail(container::unknown_container(id));
  const auto lock = container::lock_container(host, id, "start");
  if (!lock) return fail(lock.error());
  if (container::running(host, id)) return fail({Code::bad_state, 0, "Container is already running"}, exit_running);
  if (::access(host.paths.area_of(id).c_str(), F_OK) != 0)
    return fail({Code::not_found, 0, fmt::format("container {} has no private area: ubctl create it first", id)}, exit_no_private_area);
  const auto started = start_told(host, say, id, force);
  if (started) return exit_ok;
  if (container::is_of_action_script(started.error())) return fail(started.error(), exit_action_script);
  if (started.error().code == Code::busy) return fail(started.error(), exit_umount_failed);
  return fail(started.error(), started.error().code == Code::bad_state ? exit_start_disabled : exit_of(started.error()));
}

int stop_guest(const Host& host, const Say& say, std::uint32_t id, bool fast) {
  if (const auto ours = container::refuse_adopted(host, id, "stop"); !ours) return fail(ours.error(), exit_stop_failed);
  if (!is_known(host, id)) return fail(container::unknown_container(id));
  const auto lock = container::lock_container(host, id, "stop");
  if (!lock) return fail(lock.error());
  if (!container::running(host, id)) {
    say("Unable to stop: container is not running");
    return exit_ok;   // as vzctl
  }
  const auto stopped = stop_told(host, say, id, fast);
  return stopped ? static_cast<int>(exit_ok) : fail(stopped.error(), exit_stop_failed);
}

int status(const Host& host, std::uint32_t id) {
  const container::Status seen = container::status_of(host, id);
  fmt::print("CTID {} {} {} {}\n", id, seen.exists ? "exist" : "deleted", seen.mounted ? "mounted" : "unmounted",
             seen.running ? container::is_suspended(host, id) ? "suspended" : "running" : "down");
  return exit_ok;
}

int destroy(const Host& host, const Say& say, std::uint32_t id) {
  if (const auto ours = container::refuse_adopted(host, id, "destroy"); !ours) return fail(ours.error(), exit_running);
  const auto lock = container::lock_container(host, id, "destroy");
  if (!lock) return fail(lock.error());
  say(fmt::format("Destroying container private area: {}", host.paths.area_of(id)));
  const auto destroyed = container::destroy(host, id);
  if (!destroyed && destroyed.error().code == Code::exists) return fail(destroyed.error(), exit_mounted);
  if (!destroyed) return fail(destroyed.error(), destroyed.error().code == Code::bad_state ? exit_running : exit_of(destroyed.error()));
  say("Container private area was destroyed");
  return exit_ok;
}

/// vzctl joins the words with blanks and hands them to a shell.
std::vector<std::string> shell_command(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : " ") + word;
  return {"/bin/sh", "-c", joined};
}

void add_exec_verb(CLI::App& app, Invocation& invocation, const char* name, bool own_status, const char* help) {
  CLI::App* verb = app.add_subcommand(name, help);
  add_ctid(*verb, invocation);
  verb->prefix_command();
  on_parsed(*verb, invocation, [verb, own_status](const Host& host, std::uint32_t id) {
    std::vector<std::string> words = verb->remaining();
    if (!words.empty() && words.front() == "--") words.erase(words.begin());
    if (words.empty()) return fail({Code::bad_value, 0, "say what to run: ubctl exec 101 ps ax"}, exit_bad_syntax);
    const bool terminal = ::isatty(0) != 0 && ::isatty(1) != 0;
    const int status = run_inside(host, id, shell_command(words), terminal);
    return own_status || status == 0 || status == exit_not_running ? status : static_cast<int>(exit_exec_failed);
  });
}

}  // namespace

int run_inside(const Host& host, std::uint32_t id, const std::vector<std::string>& command, bool terminal) {
  if (const auto ours = container::refuse_adopted(host, id, "run a program in"); !ours) return fail(ours.error(), exit_exec_failed);
  const auto ended = container::exec(host, id, command, terminal);
  if (ended) return *ended;
  return fail(ended.error(), ended.error().code == Code::bad_state ? exit_not_running : exit_exec_failed);
}

Result<> stop_told(const Host& host, const Say& say, std::uint32_t id, bool fast) {
  say("Stopping container ...");
  (void)std::fflush(stdout);   // an action script prints next
  std::vector<std::string> notes;
  auto stopped = container::stop(host, id, fast, notes);
  warn(notes);
  if (stopped) say("Container was stopped");
  return stopped;
}

Result<> start_told(const Host& host, const Say& say, std::uint32_t id, bool force) {
  say("Starting container...");
  (void)std::fflush(stdout);
  std::vector<std::string> notes;
  auto started = container::start(host, id, {force}, notes);
  warn(notes);
  if (started) say("Container start in progress...");
  return started;
}

void add_create(CLI::App& app, Invocation& invocation) {
  struct Values {
    std::string ostemplate, sample;
    ConfigOptions options;
  };
  const auto values = std::make_shared<Values>();
  CLI::App* verb = app.add_subcommand("create", "make a container from a template");
  add_ctid(*verb, invocation);
  verb->add_option("--ostemplate", values->ostemplate, "the template: ubctl template list");
  verb->add_option("--config", values->sample, "a sample configuration to start from: basic, light, vswap-1g, ...");
  add_config_options(*verb, values->options);
  on_parsed(*verb, invocation, [values, &say = invocation.say](const Host& host, std::uint32_t id) {
    return create(host, say, id, values->ostemplate, values->sample, values->options);
  });
}

void add_start(CLI::App& app, Invocation& invocation) {
  struct Flags {
    bool force = false, onboot = false;
  };
  const auto flags = std::make_shared<Flags>();
  CLI::App* verb = app.add_subcommand("start", "start a container's guest inside its beancounter");
  CLI::Option* ctid = add_ctid(*verb, invocation)->required(false);
  verb->add_flag("--force", flags->force, "even if it is disabled, or this kernel cannot enforce its limits");
  verb->add_flag("--onboot", flags->onboot, "all that have ONBOOT, by BOOTORDER, as the host's boot does")->excludes(ctid);
  verb->callback([&invocation, flags] {
    if (flags->onboot)
      invocation.exit_code = start_onboot(invocation.host, invocation.say);
    else if (invocation.ctid.empty())
      throw CLI::RequiredError("CTID");
    else if (const auto id = container::resolve_id(invocation.host, invocation.ctid); !id)
      invocation.exit_code = fail(id.error());
    else
      invocation.exit_code = start(invocation.host, invocation.say, *id, flags->force);
  });
}

void add_stop(CLI::App& app, Invocation& invocation) {
  const auto fast = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("stop", "ask its init to end, and kill what is left");
  add_ctid(*verb, invocation);
  verb->add_flag("--fast", *fast, "kill at once");
  on_parsed(*verb, invocation,
            [fast, &say = invocation.say](const Host& host, std::uint32_t id) { return stop_guest(host, say, id, *fast); });
}

void add_restart(CLI::App& app, Invocation& invocation) {
  const auto fast = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("restart", "stop, if it runs, and start");
  add_ctid(*verb, invocation);
  verb->add_flag("--fast", *fast, "kill at once");
  on_parsed(*verb, invocation, [fast, &say = invocation.say](const Host& host, std::uint32_t id) {
    if (container::running(host, id))
      if (const int code = stop_guest(host, say, id, *fast); code != exit_ok) return code;
    return start(host, say, id, false);
  });
}

void add_status(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("status", "one line: exist|deleted mounted|unmounted running|suspended|down");
  add_ctid(*verb, invocation);
  on_parsed(*verb, invocation, status);
}

void add_destroy(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("destroy", "remove a stopped container; its configuration is kept as .destroyed");
  verb->alias("delete");
  add_ctid(*verb, invocation);
  on_parsed(*verb, invocation, [&say = invocation.say](const Host& host, std::uint32_t id) { return destroy(host, say, id); });
}

void add_exec(CLI::App& app, Invocation& invocation) {
  add_exec_verb(app, invocation, "exec", false, "run a command inside; 8 if it fails");
}
void add_exec2(CLI::App& app, Invocation& invocation) {
  add_exec_verb(app, invocation, "exec2", true, "run a command inside; its own exit status");
}

void add_enter(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("enter", "an interactive shell inside");
  add_ctid(*verb, invocation);
  on_parsed(*verb, invocation, [](const Host& host, std::uint32_t id) {
    const std::vector<std::string> shell{"/bin/sh", "-c", "cd; command -v bash >/dev/null && exec bash -l; exec sh -l"};
    return run_inside(host, id, shell, ::isatty(0) != 0);
  });
}

}  // namespace ubc::cli

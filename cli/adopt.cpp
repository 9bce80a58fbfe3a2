// SPDX-License-Identifier: Apache-2.0
// adopt, release: containers that others started.
#include "container/adoption.h"

#include <array>
#include <memory>

#include "cli/options.h"
#include "cli/report.h"
#include "container/container.h"

namespace ubc::cli {
namespace {

using container::Host;
using container::Target;

struct AdoptVerb {
  std::string name, cgroup, pid, podman, unit, group;
  std::uint32_t id = 0;
  bool force = false;
  ConfigOptions config;
};

Result<Target> target_of(const Host& host, const AdoptVerb& verb) {
  const struct {
    const std::string& value;
    Result<Target> (*find)(const Host&, const std::string&);
  } ways[] = {{verb.cgroup, container::target_of_cgroup},
              {verb.pid, container::target_of_pid},
              {verb.podman, container::target_of_podman},
              {verb.unit, container::target_of_unit}};
  for (const auto& way : ways)
    if (!way.value.empty()) return way.find(host, way.value);
  return os::error(Code::bad_value, "say what to adopt: --cgroup PATH, --pid N, --podman NAME or --unit NAME.service");
}

int adopt(const Host& host, const Say& say, const AdoptVerb& verb) {
  const auto changes = changes_from(verb.config);
  if (!changes) return fail(changes.error());
  const auto target = target_of(host, verb);
  if (!target) return fail(target.error());
  container::AdoptOptions options;
  if (verb.id != 0) options.id = verb.id;
  options.limits = changes->limits;
  options.group = verb.group;
  options.force = verb.force;
  std::vector<std::string> notes;
  const auto id = container::adopt(host, verb.name, *target, options, notes);
  warn(notes);
  if (!id) return fail(id.error());
  say(fmt::format("Container {} ({}) was adopted: {}", *id, verb.name, target->cgroup));
  return exit_ok;
}

int release(const Host& host, const Say& say, std::uint32_t id) {
  const auto released = container::release(host, id);
  if (!released) return fail(released.error());
  say(fmt::format("Container {} was released", id));
  return exit_ok;
}

}  // namespace

void add_adopt(CLI::App& app, Invocation& invocation) {
  const auto values = std::make_shared<AdoptVerb>();
  CLI::App* verb = app.add_subcommand("adopt", "count and limit a container that another program started, without stopping it");
  verb->add_option("NAME", values->name, "what it is called from now on")->required();
  CLI::Option_group* ways = verb->add_option_group("what to adopt");
  ways->add_option("--cgroup", values->cgroup, "its cgroup, a path below /sys/fs/cgroup");
  ways->add_option("--pid", values->pid, "the cgroup of this process");
  ways->add_option("--podman", values->podman, "podman's container of this name");
  ways->add_option("--unit", values->unit, "systemd's unit of this name");
  ways->require_option(1);
  verb->add_option("--group", values->group, "the group that pays with it: ubctl group list");
  verb->add_option("--id", values->id, "default: 2000000000 and its slot");
  verb->add_flag("--force", values->force, "even where this kernel can't count by hooks: show then takes a census");
  add_beancounter_options(*verb, values->config);
  verb->callback([&invocation, values] { invocation.exit_code = adopt(invocation.host, invocation.say, *values); });
}

void add_release(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("release", "let an adopted container go: nothing of ours is left on it");
  add_ctid(*verb, invocation);
  on_parsed(*verb, invocation, [&say = invocation.say](const Host& host, std::uint32_t id) { return release(host, say, id); });
}

}  // namespace ubc::cli

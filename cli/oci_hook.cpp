// SPDX-License-Identifier: Apache-2.0
// oci-hook: what podman, crun and others call at createRuntime and poststop, with the container's state as JSON on standard input.
#include <syslog.h>

#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/options.h"
#include "cli/report.h"
#include "container/adoption.h"

namespace ubc::cli {
namespace {

using container::Host;
using nlohmann::json;

/// Annotations of ours: ubc.numfile=100:120, ubc.ram=512M, ubc.name=web, ubc.group=reseller.
constexpr std::string_view kPrefix = "ubc.";

struct State {
  std::string id, status, name, group;
  std::int64_t pid = 0;
  ConfigOptions limits;
  bool limited = false;
};

Result<> read_annotation(State& state, const std::string& key, const std::string& value) {
  const std::string what = key.substr(kPrefix.size());
  if (what == "name") {
    state.name = value;
    return {};
  }
  state.limited = true;
  if (what == "group")
    state.group = value;
  else if (what == "ram")
    state.limits.ram = value;
  else if (what == "swap")
    state.limits.swap = value;
  else if (const auto* info = accounting::find_resource(what))
    state.limits.beancounters[std::string{info->name}] = value;
  else
    return os::error(Code::bad_value,
                     "annotation {}={}: there is no such resource; say ubc.numproc=100:120, ubc.ram=512M, ubc.name=NAME or ubc.group=GROUP",
                     key, value);
  return {};
}

/// The OCI runtime specification's "state". Names shown by podman are the first twelve letters of the id: "oci-" keeps digits from being an
/// id.
Result<State> parse_state(const std::string& text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object() || !object.contains("id") || !object["id"].is_string())
    return os::error(Code::corrupt, "oci-hook: standard input is not an OCI state: it is called by a runtime, see packaging/hooks.d");
  State state;
  state.id = object["id"].get<std::string>();
  state.name = "oci-" + state.id.substr(0, 12);
  if (object.contains("status") && object["status"].is_string()) state.status = object["status"].get<std::string>();
  if (object.contains("pid") && object["pid"].is_number_integer()) state.pid = object["pid"].get<std::int64_t>();
  if (!object.contains("annotations") || !object["annotations"].is_object()) return state;
  for (const auto& [key, value] : object["annotations"].items())
    if (key.starts_with(kPrefix) && value.is_string()) UBC_TRY(read_annotation(state, key, value.get<std::string>()));
  return state;
}

/// A runtime throws a hook's words away, crun unless it is told a file: the system's log has them too.
int fail_logged(const Error& error) {
  ::syslog(LOG_DAEMON | LOG_ERR, "%s", error.message.c_str());
  return fail(error);
}

int adopt(const Host& host, const State& state) {
  const auto changes = changes_from(state.limits);
  if (!changes) return fail_logged(changes.error());
  if (state.pid <= 0) return fail_logged({Code::corrupt, 0, fmt::format("oci-hook: the state of container {} has no pid", state.id)});
  auto target = container::target_of_pid(host, std::to_string(state.pid));
  if (!target) return fail_logged(target.error());
  target->source = fmt::format("by oci-hook, container {}", state.id);
  std::vector<std::string> notes;
  const container::AdoptOptions options{
      .id = {}, .limits = changes->limits, .group = state.group, .force = !state.limited};  // limits that can't be kept: no container
  const auto adopted = container::adopt(host, state.name, *target, options, notes);
  warn(notes);
  for (const std::string& note : notes) ::syslog(LOG_DAEMON | LOG_WARNING, "%s", note.c_str());
  return adopted ? static_cast<int>(exit_ok) : fail_logged(adopted.error());
}

/// The container is gone whatever we say: failing would only leave its remains with the runtime.
int release(const Host& host, const State& state) {
  const auto id = container::adopted_by_name(host, state.name);
  if (!id) return exit_ok;  // its cgroup was gone, and this command's beginning has released it
  if (const auto released = container::release(host, *id); !released && released.error().code != Code::not_found)
    warn({released.error().message});
  return exit_ok;
}

int oci_hook(const Host& host) {
  const auto state = parse_state(std::string{std::istreambuf_iterator<char>{std::cin}, std::istreambuf_iterator<char>{}});
  if (!state) return fail_logged(state.error());
  return state->status == "stopped" ? release(host, *state) : adopt(host, *state);
}

}  // namespace

void add_oci_hook(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("oci-hook", "adopts at createRuntime, releases at poststop: for hooks.d");
  verb->callback([&invocation] { invocation.exit_code = oci_hook(invocation.host); });
}

}  // namespace ubc::cli

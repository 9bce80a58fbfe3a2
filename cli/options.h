// SPDX-License-Identifier: Apache-2.0
// The options that create and set share: the beancounters and what else a configuration holds.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>

#include "accounting/config_file.h"
#include "cli/report.h"
#include "container/container_record.h"
#include "container/host.h"
#include "container/tuning.h"

namespace ubc::cli {

/// Every verb: what it needs to know of the host, and its exit code. Lives as long as the parser.
struct Invocation {
  container::Host host;
  std::string ctid;
  int exit_code = 0;
};

/// The option texts as given.
struct ConfigOptions {
  std::map<std::string, std::string> beancounters;   ///< by resource name
  std::string ram, swap;
  std::map<std::string, std::string> keys;           ///< by configuration key: NAME, HOSTNAME, ...
};

void add_config_options(CLI::App& verb, ConfigOptions& options);

/// What the options change: the numbers, and all of it as configuration keys. Fails with Code::bad_value.
struct Changes {
  container::AllLimits limits;
  std::map<std::string, std::string> keys;
};
[[nodiscard]] Result<Changes> changes_from(const ConfigOptions& options);
void write_changes(accounting::ConfigFile& config, const Changes& changes);

/// The verbs, each told by its file.
void add_create(CLI::App& app, Invocation& invocation);
void add_start(CLI::App& app, Invocation& invocation);
void add_stop(CLI::App& app, Invocation& invocation);
void add_restart(CLI::App& app, Invocation& invocation);
void add_status(CLI::App& app, Invocation& invocation);
void add_destroy(CLI::App& app, Invocation& invocation);
void add_exec(CLI::App& app, Invocation& invocation);
void add_exec2(CLI::App& app, Invocation& invocation);
void add_enter(CLI::App& app, Invocation& invocation);
void add_set(CLI::App& app, Invocation& invocation);
void add_list(CLI::App& app, Invocation& invocation);
void add_show(CLI::App& app, Invocation& invocation);
void add_events(CLI::App& app, Invocation& invocation);
void add_why(CLI::App& app, Invocation& invocation);
void add_features(CLI::App& app, Invocation& invocation);
void add_template(CLI::App& app, Invocation& invocation);
void add_hooks(CLI::App& app, Invocation& invocation);

/// The verb's positional CTID, an id or a name.
CLI::Option* add_ctid(CLI::App& verb, Invocation& invocation);

/// The verb's body, called with the host and the resolved id; its value is the exit code.
template <typename Body>
void on_parsed(CLI::App& verb, Invocation& invocation, Body body) {
  verb.callback([&invocation, body] {
    const auto id = container::resolve_id(invocation.host, invocation.ctid);
    invocation.exit_code = id ? body(invocation.host, *id) : fail(id.error());
  });
}

}  // namespace ubc::cli

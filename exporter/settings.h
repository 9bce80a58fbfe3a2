// SPDX-License-Identifier: Apache-2.0
// What ubcd is told, by its arguments and its file; an argument outdoes the file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "container/host.h"
#include "exporter/collectors.h"
#include "exporter/console_options.h"
#include "os/result.h"

namespace ubc::exporter {

struct Settings {
  std::string listen = "127.0.0.1:9641";
  container::HostPaths paths;
  CollectorSet collectors = CollectorSet::usual();
  std::vector<std::string> fleet;   ///< "HOST:PORT" of each ubcd that GET /sd tells Prometheus of
  bool no_seccomp = false;
  ConsoleOptions console;
};

/// nullopt: --help or --version was asked for, and printed. Fails with Code::bad_value, naming the argument or the file's key.
[[nodiscard]] Result<std::optional<Settings>> parse_settings(int argc, const char* const* argv);

}  // namespace ubc::exporter

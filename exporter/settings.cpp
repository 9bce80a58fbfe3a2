// SPDX-License-Identifier: Apache-2.0
#include "exporter/settings.h"

#include <CLI/CLI.hpp>

namespace ubc::exporter {
namespace {

constexpr const char* kConfigFile = "/etc/ubc/ubcd.conf";

void add_collectors(CLI::App& app, CollectorSet& collectors) {
  for (const CollectorInfo& info : kCollectors)
    app.add_flag_function(
           fmt::format("--collector.{0},!--no-collector.{0}", info.name),
           [&collectors, which = info.collector](std::int64_t times) { collectors.set(which, times > 0); }, std::string{info.what})
        ->group("Collectors, all on");
}

void describe(CLI::App& app, Settings& settings) {
  app.add_option("--listen", settings.listen, "ADDRESS:PORT; anybody who can reach it can read")->capture_default_str();
  app.add_option("--config-dir", settings.paths.etc, "as ubctl's")->envname("UBC_ETC")->capture_default_str();
  app.add_option("--lib-dir", settings.paths.lib, "as ubctl's")->envname("UBC_LIB")->capture_default_str();
  app.add_option("--run-dir", settings.paths.run, "as ubctl's")->envname("UBC_RUN")->capture_default_str();
  add_collectors(app, settings.collectors);
  app.set_config("--config", kConfigFile, "the same options, a line each: listen=10.0.0.5:9641");
  app.get_config_formatter_base()->parentSeparator('\0');   // collector.hooks is a name, no section
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.set_version_flag("--version", "ubcd " UBC_VERSION);
}

}  // namespace

Result<std::optional<Settings>> parse_settings(int argc, const char* const* argv) {
  Settings settings;
  CLI::App app{"ubcd: the host's beancounters for Prometheus", "ubcd"};
  describe(app, settings);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    (void)app.exit(help);
    return std::nullopt;
  } catch (const CLI::Error& wrong) {
    return os::error(Code::bad_value, "{}: ubcd --help lists the options", wrong.what());
  }
  return settings;
}

}  // namespace ubc::exporter

// SPDX-License-Identifier: Apache-2.0
#include "exporter/settings.h"

#include <CLI/CLI.hpp>
#include <exception>

#include "os/text_file.h"

namespace ubc::exporter {
namespace {

constexpr const char* kConfigFile = "/etc/ubc/ubcd.conf";

/// What Prometheus takes for a target: no scheme, no path.
const CLI::Validator kTarget{[](std::string& target) {
                               const std::size_t colon = target.rfind(':');
                               const bool good = colon != std::string::npos && colon > 0 && target.find('/') == std::string::npos &&
                                                 os::parse_number(target.substr(colon + 1)).value_or(65536) < 65536;
                               return good ? std::string{} : os::printable(target) + " is not HOST:PORT";
                             },
                             "HOST:PORT"};

void add_collectors(CLI::App& app, CollectorSet& collectors) {
  for (const CollectorInfo& info : kCollectors)
    app.add_flag_function(
           fmt::format("--collector.{0},!--no-collector.{0}", info.name),
           [&collectors, which = info.collector](std::int64_t times) { collectors.set(which, times > 0); }, std::string{info.what})
        ->group("Collectors, all on but cadvisor");
}

void describe(CLI::App& app, Settings& settings) {
  app.add_option("--listen", settings.listen, "ADDRESS:PORT; without --users anybody who can reach it can read")->capture_default_str();
  app.add_option("--config-dir", settings.paths.etc, "as ubctl's")->envname("UBC_ETC")->capture_default_str();
  app.add_option("--lib-dir", settings.paths.lib, "as ubctl's")->envname("UBC_LIB")->capture_default_str();
  app.add_option("--run-dir", settings.paths.run, "as ubctl's")->envname("UBC_RUN")->capture_default_str();
  app.add_option("--fleet", settings.fleet, "HOST:PORT of a ubcd that GET /sd tells Prometheus of; once for each")->check(kTarget);
  app.add_flag("--no-seccomp", settings.no_seccomp, "make any system call: for a C library that needs one which ubcd does not know of");
  add_collectors(app, settings.collectors);
  add_console_options(app, settings.console);
  app.set_config("--config", kConfigFile, "the same options, a line each: listen=10.0.0.5:9641");
  app.get_config_formatter_base()->parentSeparator('\0');   // collector.hooks is a name, no section
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.set_version_flag("--version", "ubcd " UBC_VERSION);
}

}  // namespace

Result<std::optional<Settings>> parse_settings(int argc, const char* const* argv) {
  Settings settings;
  CLI::App app{"ubcd: the host's beancounters for Prometheus, machines and a browser", "ubcd"};
  describe(app, settings);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    (void)app.exit(help);
    return std::nullopt;
  } catch (const CLI::ConfigError& wrong) {
    return os::error(Code::bad_value, "read the configuration file: {}: a line is option=value, and ubcd --help lists the options",
                     wrong.what());
  } catch (const CLI::Error& wrong) {
    return os::error(Code::bad_value, "{}: ubcd --help lists the options", wrong.what());
  } catch (const std::exception& wrong) {   // of a flag's value: CLI11 lets the C++ library's own through
    return os::error(Code::bad_value, "read the configuration: {}: a flag is true or false", wrong.what());
  }
  return settings;
}

}  // namespace ubc::exporter

// SPDX-License-Identifier: Apache-2.0
// convert: a container of OpenVZ, from its private area and its configuration.
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "cli/options.h"
#include "cli/report.h"
#include "container/adopted_record.h"
#include "container/container.h"
#include "container/conversion.h"
#include "container/limit_change.h"
#include "container/network.h"
#include "container/openvz_config.h"
#include "os/text_file.h"

namespace ubc::cli {
namespace {

using container::Host;

struct ConvertOptions {
  std::string private_area, config;   ///< empty: where OpenVZ has them
  ConfigOptions changes;
};

/// Where vzctl keeps both.
std::string openvz_config_of(std::uint32_t id) { return fmt::format("/etc/vz/conf/{}.conf", id); }
std::string openvz_area_of(std::uint32_t id) { return fmt::format("/vz/private/{}", id); }

/// A container of ours, or a part of one, must not be there. Its exit code where it is.
int refuse_known(const Host& host, std::uint32_t id, const std::string& config) {
  if (::access(host.paths.area_of(id).c_str(), F_OK) == 0)
    return fail({Code::exists, 0, fmt::format("container {} exists already: destroy it first, or take another id", id)},
                exit_private_area_exists);
  const std::string ours = host.paths.config_of(id);
  if (config != ours && ::access(ours.c_str(), F_OK) == 0)
    return fail({Code::exists, 0, fmt::format("{} exists already, and {} would replace it: remove one of them", ours, config)},
                exit_config_copy);
  return exit_ok;
}

int convert_to(const Host& host, const Say& say, std::uint32_t id, const std::string& source, const accounting::ConfigFile& config) {
  if (container::lacks_swap(config)) return fail_for_swap();
  const auto addresses = container::parse_addresses(config.get("IP_ADDRESS").value_or(""));
  if (!addresses) return fail(addresses.error());
  if (const auto free = container::check_addresses(host, id, *addresses); !free) return fail_network(free.error());
  say(fmt::format("Copying {} to {}...", source, host.paths.area_of(id)));
  (void)std::fflush(stdout);   // the copy takes its time
  std::vector<std::string> notes;
  const auto converted = container::convert(host, id, source, config, notes);
  warn(notes);
  if (converted) {
    say(fmt::format("Container {} was converted; {} is as it was", id, source));
    return exit_ok;
  }
  const Error& error = converted.error();
  if (error.code == Code::not_found) return fail(error, exit_no_private_area);
  return fail(error, error.message.starts_with("Name ") ? exit_name : exit_of(error));
}

int convert(const Host& host, const Say& say, std::uint32_t id, const ConvertOptions& options) {
  if (const auto ours = container::refuse_adopted(host, id, "convert to"); !ours) return fail(ours.error(), exit_private_area_exists);
  auto changes = changes_from(options.changes);
  if (!changes) return fail(changes.error());
  name_links(*changes, id);
  const auto lock = container::lock_container(host, id, "convert");
  if (!lock) return fail(lock.error());
  const std::string path = options.config.empty() ? openvz_config_of(id) : options.config;
  if (const int code = refuse_known(host, id, path); code != exit_ok) return code;
  const auto text = os::read_text(path);
  if (!text)
    return fail(text.error().code == Code::not_found
                    ? Error{Code::not_found, 0, fmt::format("there is no OpenVZ configuration {}: say which by --config FILE", path)}
                    : text.error());
  container::OpenvzConfig theirs = container::read_openvz_config(*text, id);
  warn(theirs.left_out);
  write_changes(theirs.config, *changes);
  std::string source = !options.private_area.empty() ? options.private_area : theirs.private_area;
  if (source.empty()) source = openvz_area_of(id);
  return convert_to(host, say, id, source, theirs.config);
}

}  // namespace

void add_convert(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<ConvertOptions>();
  CLI::App* verb = app.add_subcommand("convert", "make a container from OpenVZ's private area and configuration, which stay as they are");
  add_ctid(*verb, invocation);
  verb->add_option("--private", options->private_area, "the directory with its files (default: VE_PRIVATE, or /vz/private/CTID)");
  verb->add_option("--config", options->config, "what OpenVZ kept of it (default: /etc/vz/conf/CTID.conf)");
  add_config_options(*verb, options->changes);
  on_parsed(*verb, invocation,
            [options, &say = invocation.say](const Host& host, std::uint32_t id) { return convert(host, say, id, *options); });
}

}  // namespace ubc::cli

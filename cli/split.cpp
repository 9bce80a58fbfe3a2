// SPDX-License-Identifier: Apache-2.0
// split: a configuration for each of N equal containers on this host, as vzsplit made it.
#include "accounting/split.h"

#include <unistd.h>

#include <memory>

#include "accounting/samples.h"
#include "cli/options.h"
#include "cli/report.h"
#include "os/text_file.h"

namespace ubc::cli {
namespace {

using accounting::SplitHost;
using container::Host;

constexpr int kFailed = 1;   // vzsplit's only one

struct SplitOptions {
  std::uint64_t containers = 0;
  std::optional<std::uint64_t> swap_kib;
  std::string sample, vswap = "no";
};

Result<SplitHost> read_host(const Host& host, const SplitOptions& options) {
  SplitHost result{UBC_TRY(accounting::read_host_memory(host.paths.proc + "/meminfo")), 0};
  const std::string threads = UBC_TRY(os::read_text(host.paths.proc + "/sys/kernel/threads-max"));
  result.threads_max = UBC_TRY(os::parse_number(threads));
  if (options.swap_kib) result.memory.swap_bytes = *options.swap_kib * 1024;
  return result;
}

int write_sample(const Host& host, const std::string& name, const std::string& text) {
  if (!accounting::is_sample_name(name))
    return fail({Code::bad_value, 0, fmt::format("Bad parameter for -f: {}: a sample's name is no path", name)}, kFailed);
  const std::string path = accounting::sample_path(host.paths.conf(), name);
  if (::access(path.c_str(), F_OK) == 0)
    return fail({Code::exists, 0, fmt::format("{} exists already: remove it, or take another name", path)}, kFailed);
  if (const auto made = os::make_directories(host.paths.conf()); !made) return fail(made.error(), kFailed);
  if (const auto saved = os::replace_text(path, text); !saved) return fail(saved.error(), kFailed);
  fmt::print("Config {} was created\n", path);
  return exit_ok;
}

int split(const Host& host, const SplitOptions& options) {
  const auto seen = read_host(host, options);
  if (!seen) return fail(seen.error(), kFailed);
  const auto split = accounting::split_host(*seen, options.containers);
  if (!split)
    return fail(
        {Code::no_resources, 0,
         fmt::format("this host is too small for {} containers: at most {} fit", options.containers, accounting::most_containers(*seen))},
        kFailed);
  const std::string text = accounting::split_text(*split, options.vswap == "yes");
  if (!options.sample.empty()) return write_sample(host, options.sample, text);
  fmt::print("{}", text);
  return exit_ok;
}

}  // namespace

void add_split(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<SplitOptions>();
  CLI::App* verb = app.add_subcommand("split", "a configuration for each of N equal containers on this host");
  verb->add_option("-n", options->containers, "how many containers")->required()->check(CLI::Range(1, 1000000));
  verb->add_option("-f", options->sample, "write it as this sample configuration, for --config and --applyconfig");
  verb->add_option("-s", options->swap_kib, "KiB of swap to count with, not what the host has");
  verb->add_option("-v", options->vswap, "yes: limit RAM and swap alone")->check(CLI::IsMember({"yes", "no"}));
  verb->callback([&invocation, options] { invocation.exit_code = split(invocation.host, *options); });
}

}  // namespace ubc::cli

// SPDX-License-Identifier: Apache-2.0
// validate: vzcfgvalidate's verdict on a configuration, its words and exit codes: 0 valid or mended, 1 not readable, 2 not valid.
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "accounting/consistency.h"
#include "accounting/vswap.h"
#include "cli/options.h"
#include "cli/report.h"
#include "container/container.h"

namespace ubc::cli {
namespace {

using accounting::ConfigFile;
using accounting::Finding;
using accounting::Parameters;
using container::Host;

constexpr int kUnreadable = 1, kInvalid = 2;

struct ValidateOptions {
  std::string target;
  bool repair = false, interactive = false;
  std::string vswap;   ///< yes, no; empty: as the configuration says
};

struct Target {
  std::string path;
  std::optional<std::uint32_t> id;   ///< of a container; nullopt: any file
};

/// An id or a name goes before a file that is called the same; a path has a slash.
Result<Target> find_target(const Host& host, const std::string& text) {
  Target target{text, std::nullopt};
  if (!text.contains('/')) {
    const auto id = container::resolve_id(host, text);
    if (id)
      target = {host.paths.config_of(*id), *id};
    else if (::access(text.c_str(), F_OK) != 0)
      return std::unexpected(id.error());
  }
  if (::access(target.path.c_str(), F_OK) != 0)
    return os::error(Code::not_found, "Container configuration file {} not found: say a container's id or name, or a file", target.path);
  return target;
}

/// Enter is yes, the end of the input no.
bool says_yes() {
  char answer[256];
  while (true) {
    fmt::print(stderr, " (y/n) [y] ");
    if (std::fgets(answer, sizeof answer, stdin) == nullptr) return false;
    if (answer[0] == 'y' || answer[0] == '\n') return true;
    if (answer[0] == 'n') return false;
  }
}

/// Tells the finding, and decides by the options whether it is mended.
bool decide(const ValidateOptions& options, const Finding& finding) {
  (void)fail({Code::bad_value, 0, finding.message});
  if (finding.proposal.empty() || (!options.repair && !options.interactive)) return false;
  fmt::print("{}\n", finding.proposal);
  (void)std::fflush(stdout);
  return options.interactive ? says_yes() : true;
}

int save(ConfigFile& config, const Parameters& parameters, const std::string& path) {
  const std::string before = config.text();
  accounting::write_parameters(config, parameters);
  if (config.text() == before) {
    fmt::print("No changes in CT configuration, not saving\n");
    return exit_ok;
  }
  if (const auto saved = config.save(path); !saved) return fail(saved.error(), kUnreadable);
  fmt::print("CT configuration saved to {}\n", path);
  (void)std::fflush(stdout);
  return exit_ok;
}

Result<bool> is_valid(const Host& host, const ValidateOptions& options, Parameters& parameters) {
  const accounting::Decide deciding = [&](const Finding& finding) { return decide(options, finding); };
  const bool vswap = options.vswap.empty() ? accounting::is_vswap(parameters.beancounters) : options.vswap == "yes";
  if (!vswap) return accounting::check_classic(parameters, deciding);
  const auto memory = UBC_TRY(accounting::read_host_memory(host.paths.proc + "/meminfo"));
  return accounting::check_vswap(parameters, memory, deciding);
}

int validate(const Host& host, const ValidateOptions& options) {
  const auto target = find_target(host, options.target);
  if (!target) return fail(target.error(), kUnreadable);
  const bool mends = options.repair || options.interactive;
  os::Fd lock;
  if (target->id && mends) {
    auto taken = container::lock_container(host, *target->id, "validate");
    if (!taken) return fail(taken.error());
    lock = std::move(*taken);
  }
  auto config = ConfigFile::load(target->path);
  if (!config) return fail(config.error(), kUnreadable);
  warn(config->complaints());
  Parameters parameters = accounting::parameters_in(*config);
  const auto valid = is_valid(host, options, parameters);
  if (!valid) return fail(valid.error(), kUnreadable);
  if (!*valid) return kInvalid;
  if (mends)
    if (const int code = save(*config, parameters, target->path); code != exit_ok) return code;
  fmt::print(stderr, "Validation completed: success\n");
  return exit_ok;
}

}  // namespace

void add_validate(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<ValidateOptions>();
  CLI::App* verb = app.add_subcommand("validate", "whether a configuration's numbers go together; 0 yes, 2 no");
  verb->add_option("CTID|FILE", options->target, "a container's id or name, or a configuration file")->required();
  CLI::Option* repair = verb->add_flag("-r,--repair", options->repair, "mend what can be mended, and save if all was");
  verb->add_flag("-i,--interactive", options->interactive, "ask before each repair")->excludes(repair);
  verb->add_option("-v,--vswap", options->vswap, "yes or no: by the rules of VSwap or of classic UBC, whatever the configuration is")
      ->check(CLI::IsMember({"yes", "no"}));
  verb->callback([&invocation, options] { invocation.exit_code = validate(invocation.host, *options); });
}

}  // namespace ubc::cli

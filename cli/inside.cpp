// SPDX-License-Identifier: Apache-2.0
// What goes on inside: ps of all containers; runscript.
#include <algorithm>
#include <memory>

#include "accounting/process_list.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/report.h"
#include "container/container.h"
#include "container/running_container.h"
#include "isolate/guest_spec.h"
#include "os/text_file.h"

namespace ubc::cli {
namespace {

using accounting::ProcessInfo;
using container::Host;

struct PsOptions {
  std::vector<std::string> wanted;
  bool json = false, wide = false;
};

struct Listed {
  container::RunningContainer container;
  std::vector<ProcessInfo> processes;
};

/// As the guest numbers it; what is not its is shown as the host does.
std::uint32_t uid_inside(const Host& host, const Listed& listed, uid_t uid) {
  const std::uint32_t base = host.settings.uid_base + listed.container.slot * isolate::kIdsPerGuest;
  const bool own = !listed.container.adopted && uid >= base && uid - base < isolate::kIdsPerGuest;
  return own ? uid - base : uid;
}

Result<std::vector<Listed>> processes_of_all(const Host& host, const std::vector<std::string>& wanted) {
  std::vector<std::uint32_t> chosen;
  for (const std::string& text : wanted) chosen.push_back(UBC_TRY(container::resolve_id(host, text)));
  std::vector<Listed> all;
  for (const std::uint32_t id : container::known_ids(host)) {
    if (!chosen.empty() && std::ranges::find(chosen, id) == chosen.end()) continue;
    auto running = UBC_TRY(container::find_unless_ending(host, id));
    if (!running) continue;
    auto processes = accounting::processes_of(running->cgroup.path());
    running->cgroup = {};   // thousands would be too many to keep open
    if (processes) all.push_back({*std::move(running), *std::move(processes)});   // else it ended meanwhile
  }
  return all;
}

std::string time_text(std::uint64_t ms) {
  const std::uint64_t seconds = ms / 1000;
  return seconds < 3600 ? fmt::format("{}:{:02}.{:02}", seconds / 60, seconds % 60, ms % 1000 / 10)
                        : fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

void print_processes(const Host& host, const std::vector<Listed>& all, bool wide) {
  fmt::print("{:>10} {:<12} {:>8} {:>7} {:>6} S {:>4} {:>9} {:>6} COMMAND\n", "CTID", "NAME", "PID", "INSIDE", "UID", "THR", "TIME", "RSS");
  for (const Listed& listed : all)
    for (const ProcessInfo& process : listed.processes) {
      std::string command = os::printable(process.command);
      constexpr std::size_t kNarrow = 60;
      if (!wide && command.size() > kNarrow) command = command.substr(0, kNarrow - 3) + "...";
      const std::string name = os::printable(listed.container.name);
      fmt::print("{:>10} {:<12} {:>8} {:>7} {:>6} {} {:>4} {:>9} {:>6} {}\n", listed.container.id, name.empty() ? "-" : name, process.pid,
                 process.inside, uid_inside(host, listed, process.uid), process.state, process.threads, time_text(process.cpu_ms),
                 accounting::format_amount(accounting::Unit::bytes, process.resident_bytes), command);
    }
}

void print_json(const Host& host, const std::vector<Listed>& all) {
  nlohmann::ordered_json array = nlohmann::ordered_json::array();
  for (const Listed& listed : all)
    for (const ProcessInfo& process : listed.processes)
      array.push_back({{"ctid", listed.container.id},
                       {"name", listed.container.name},
                       {"pid", process.pid},
                       {"pid_inside", process.inside},
                       {"uid", uid_inside(host, listed, process.uid)},
                       {"state", std::string{process.state}},
                       {"threads", process.threads},
                       {"cpu_seconds", static_cast<double>(process.cpu_ms) / 1000},
                       {"resident_bytes", process.resident_bytes},
                       {"command", process.command}});
  fmt::print("{}\n", array.dump(4, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

int ps(const Host& host, const PsOptions& options) {
  const auto all = processes_of_all(host, options.wanted);
  if (!all) return fail(all.error());
  if (options.json)
    print_json(host, *all);
  else
    print_processes(host, *all, options.wide);
  return exit_ok;
}

/// The shell that the script's first line asks for; what another interpreter would run is refused, since the guest has no file to read.
Result<std::string> shell_of(const std::string& script, const std::string& path) {
  if (!script.starts_with("#!")) return std::string{"/bin/sh"};
  const std::string line = script.substr(2, script.find('\n') - 2);
  const auto words = os::words_in(line);
  const std::string_view interpreter = words.empty() ? std::string_view{} : words.front();
  const std::string_view name = interpreter.substr(interpreter.rfind('/') + 1);
  constexpr std::string_view kShells[] = {"sh", "bash", "dash", "ash", "ksh", "zsh"};
  if (std::ranges::find(kShells, name) == std::end(kShells))
    return os::error(Code::bad_value,
                     "run script {}: it asks for {}, and only a shell's script can be run: copy it into the guest and use exec", path,
                     os::printable(interpreter));
  return std::string{interpreter};
}

int runscript(const Host& host, std::uint32_t id, const std::string& path) {
  constexpr std::size_t kLongest = 128 * 1024 - 1;   // of one argument
  const auto script = os::read_text(path);
  if (!script) return fail(script.error(), exit_bad_value);
  if (script->size() > kLongest || script->contains('\0'))
    return fail({Code::bad_value, 0, fmt::format("run script {}: a shell script of less than 128 KiB is wanted", path)}, exit_bad_value);
  const auto shell = shell_of(*script, path);
  return shell ? run_inside(host, id, {*shell, "-c", *script, path}, false) : fail(shell.error());
}

}  // namespace

void add_ps(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<PsOptions>();
  CLI::App* verb = app.add_subcommand("ps", "the processes of all containers, with the host's pid and the guest's");
  verb->add_option("CTID", options->wanted, "only of these");
  verb->add_flag("-j,--json", options->json, "for machines");
  verb->add_flag("-w,--wide", options->wide, "commands in full");
  verb->callback([&invocation, options] { invocation.exit_code = ps(invocation.host, *options); });
}

void add_runscript(CLI::App& app, Invocation& invocation) {
  const auto path = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("runscript", "run a shell script of the host inside; its exit status");
  add_ctid(*verb, invocation);
  verb->add_option("SCRIPT", *path, "the host's path")->required();
  on_parsed(*verb, invocation, [path](const Host& host, std::uint32_t id) { return runscript(host, id, *path); });
}

}  // namespace ubc::cli

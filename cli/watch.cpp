// SPDX-License-Identifier: Apache-2.0
// watch: does what ACTIONS say, as refusals happen and marks are crossed. A service's body: it may be killed at any time, and enforcement
// does not depend on it.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "accounting/actions.h"
#include "accounting/config_file.h"
#include "bpf/refusal_log.h"
#include "cli/options.h"
#include "cli/refusal_text.h"
#include "cli/report.h"
#include "container/adopted_record.h"
#include "container/container.h"
#include "container/refusal_json.h"
#include "container/refusals.h"
#include "os/cgroup_dir.h"
#include "os/process.h"
#include "os/text_file.h"

namespace ubc::cli {
namespace {

using accounting::Action;
using accounting::ActionKind;
using container::Host;
using container::Refusal;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPoll{200};
constexpr std::chrono::seconds kReading{1}, kReload{5}, kPatience{30};
constexpr std::size_t kPrograms = 16;   // of ours at once; one more is left out, and said

volatile std::sig_atomic_t ended = 0;

/// What an action is told: the refusal, or what the container holds at a mark.
struct Occasion {
  std::uint32_t id = 0;
  std::string sentence;
  nlohmann::ordered_json json;
  std::uint32_t pid = 0;   ///< who was refused; 0: nobody
};

Occasion occasion_of(const Refusal& refusal) {
  Occasion occasion{refusal.id, "refused: " + line_of(refusal), container::json_of(refusal), refusal.pid};
  occasion.json["occasion"] = "refusal";
  return occasion;
}

Occasion occasion_of(std::uint32_t id, const std::string& name, const Action& action, const accounting::Beancounter& counter) {
  const accounting::ResourceInfo& info = *accounting::info_of(action.resource);
  const auto text = [&](std::uint64_t amount) { return accounting::format_amount(info.unit, amount); };
  Occasion occasion;
  occasion.id = id;
  occasion.sentence =
      fmt::format("container {}{} has come to {}% of {}: {} held, barrier {}, limit {}", id, name.empty() ? "" : fmt::format(" ({})", name),
                  action.percent, info.name, text(counter.held), text(counter.barrier), text(counter.limit));
  occasion.json = {{"time", container::utc_time(std::chrono::system_clock::now())},
                   {"ctid", id},
                   {"name", name},
                   {"resource", info.name},
                   {"held", counter.held},
                   {"barrier", container::json_amount(counter.barrier)},
                   {"limit", container::json_amount(counter.limit)},
                   {"percent", action.percent},
                   {"occasion", "mark"}};
  return occasion;
}

/// UBC_CTID, UBC_RESOURCE, ...: the object's members.
std::vector<std::string> environment_of(const Occasion& occasion) {
  std::vector<std::string> variables{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
  for (const auto& [key, value] : occasion.json.items()) {
    std::string name = "UBC_" + key;
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    variables.push_back(name + "=" + (value.is_string() ? value.get<std::string>() : value.is_null() ? "unlimited" : value.dump()));
  }
  return variables;
}

/// Programs that actions have started, until they end or their time is over.
class Programs {
 public:
  void start(const std::vector<std::string>& argv, const std::vector<std::string>& environment) {
    if (running_.size() >= kPrograms) {
      warn({fmt::format("{} is left out: {} programs run already", argv.front(), kPrograms)});
      return;
    }
    pid_t pid = -1;
    const std::vector<char*> arguments = os::pointers_to(argv), variables = os::pointers_to(environment);
    posix_spawn_file_actions_t files;
    (void)::posix_spawn_file_actions_init(&files);
    (void)::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    const int failed = ::posix_spawnp(&pid, argv.front().c_str(), &files, nullptr, arguments.data(), variables.data());
    (void)::posix_spawn_file_actions_destroy(&files);
    if (failed != 0)
      warn({fmt::format("run {}: {}", argv.front(), ::strerrordesc_np(failed))});
    else
      running_[pid] = {argv.front(), steady_clock::now()};
  }

  void reap() {
    int status = 0;
    for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0; running_.erase(pid))
      if (status != 0)
        warn({WIFEXITED(status) ? fmt::format("{} ended with {}", running_[pid].name, WEXITSTATUS(status))
                                : fmt::format("{} was ended by signal {}", running_[pid].name, WTERMSIG(status))});
    for (const auto& [pid, program] : running_)
      if (steady_clock::now() - program.since > kPatience) (void)::kill(pid, SIGKILL);   // our child: the pid is its until reaped
  }

 private:
  struct Program {
    std::string name;
    steady_clock::time_point since;
  };
  std::map<pid_t, Program> running_;
};

/// To the offender, if it is still that container's: by now the pid may be another's.
Result<> signal_offender(const Host& host, const Occasion& occasion, int signal) {
  if (occasion.pid == 0) return os::error(Code::not_found, "nobody in particular was refused: no process to signal");
  const os::Fd pidfd = UBC_TRY(os::open_pidfd(static_cast<pid_t>(occasion.pid)));
  const std::string cgroup = host.paths.cgroups + UBC_TRY(os::cgroup_of_process(std::to_string(occasion.pid), host.paths.proc));
  if (!(cgroup + "/").starts_with(container::cgroup_path_of(host, occasion.id) + "/"))
    return os::error(Code::not_found, "process {} is not the container's any more", occasion.pid);
  return os::send_signal(pidfd, signal);
}

Result<> freeze(const Host& host, std::uint32_t id) {
  const os::CgroupDir cgroup = UBC_TRY(os::CgroupDir::open(container::cgroup_path_of(host, id)));
  return cgroup.write("cgroup.freeze", "1");
}

class Watch {
 public:
  Watch(const Host& host, const Say& say, bpf::RefusalLog log) : host_{host}, say_{say}, log_{std::move(log)}, cursor_{log_.written()} {}

  int run() {
    steady_clock::time_point reload{}, reading{};
    while (ended == 0) {
      const auto now = steady_clock::now();
      if (now >= reload) load(), reload = now + kReload;
      if (log_.written() != cursor_) hear();
      if (now >= reading) look(), reading = now + kReading;
      programs_.reap();
      std::this_thread::sleep_for(kPoll);
    }
    return exit_ok;
  }

 private:
  struct Watched {
    std::string text, name;
    std::vector<Action> actions;
    bool marks = false;
  };

  /// Configurations change while we run. One that is wrong is said once, and has no actions.
  void load() {
    std::map<std::uint32_t, Watched> now;
    for (const std::uint32_t id : container::known_ids(host_)) {
      const auto config = accounting::ConfigFile::load(host_.paths.config_of(id));
      const std::string text = config ? config->get("ACTIONS").value_or(host_.settings.actions) : host_.settings.actions;
      if (text.empty()) continue;
      if (const auto known = watched_.find(id); known != watched_.end() && known->second.text == text) {
        now[id] = std::move(known->second);
        continue;
      }
      const auto actions = accounting::parse_actions(text);
      if (!actions) warn({fmt::format("{}: {}", host_.paths.config_of(id), actions.error().message)});
      Watched& entry = now[id] = {text, config ? config->get("NAME").value_or("") : "", actions.value_or(std::vector<Action>{}), false};
      entry.marks = std::ranges::any_of(entry.actions, [](const Action& action) { return action.percent != 0; });
    }
    for (const auto& [id, entry] : watched_)
      if (!now.contains(id)) triggers_.forget(id);
    watched_ = std::move(now);
  }

  void hear() {
    const auto batch = log_.since(cursor_);
    cursor_ = batch.next;
    if (batch.missed != 0) warn({fmt::format("{} refusals were overwritten before they could be read; failcnt has them", batch.missed)});
    const container::SlotOwners owners{host_};
    for (const ubc_refusal& raw : batch.entries) {
      const Refusal refusal = owners.describe(raw);
      const auto entry = watched_.find(refusal.id);
      if (entry == watched_.end()) continue;
      for (const Action& action : triggers_.on_refusal(refusal.id, entry->second.actions, refusal.resource, steady_clock::now()))
        act(action, occasion_of(refusal));
    }
  }

  void look() {
    for (const auto& [id, entry] : watched_) {
      if (!entry.marks || !container::status_of(host_, id).running) continue;
      const auto counters = container::snapshot(host_, id);
      if (!counters) continue;   // it ended this instant
      for (const Action& action : triggers_.on_reading(id, entry.actions, *counters))
        act(action, occasion_of(id, entry.name, action, counters->of(action.resource)));
    }
  }

  void act(const Action& action, const Occasion& occasion) {
    Result<> done;
    switch (action.kind) {
      case ActionKind::log: say_(occasion.sentence); break;
      case ActionKind::signal: done = signal_offender(host_, occasion, action.signal); break;
      case ActionKind::freeze: done = freeze(host_, occasion.id); break;
      case ActionKind::exec: programs_.start({action.argument}, environment_of(occasion)); break;
      case ActionKind::post:
        programs_.start({"curl", "-fsS", "-m", "20", "-o", "/dev/null", "-H", "Content-Type: application/json", "--data-raw",
                         occasion.json.dump(), "--", action.argument},
                        environment_of(occasion));
        break;
    }
    if (action.kind != ActionKind::log)
      say_(fmt::format("{}: {}", done ? "done" : fmt::format("not done ({})", done.error().message), occasion.sentence));
  }

  const Host& host_;
  const Say& say_;
  bpf::RefusalLog log_;
  std::uint64_t cursor_;
  std::map<std::uint32_t, Watched> watched_;
  accounting::ActionTriggers triggers_;
  Programs programs_;
};

int watch(const Host& host, const Say& say) {
  const auto ledger = container::ensure_ledger(host, 0);   // before the first container is there
  if (!ledger) return fail(ledger.error());
  auto log = bpf::RefusalLog::open(host.paths.pins);
  if (!log) return fail(log.error());
  struct sigaction end{};
  end.sa_handler = [](int) { ended = 1; };
  (void)::sigaction(SIGTERM, &end, nullptr);
  (void)::sigaction(SIGINT, &end, nullptr);
  (void)std::setvbuf(stdout, nullptr, _IOLBF, 0);
  return Watch{host, say, *std::move(log)}.run();
}

}  // namespace

void add_watch(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("watch", "do what ACTIONS say, until ended: log, signal, freeze, run a program, POST to a URL");
  verb->callback([&invocation] { invocation.exit_code = watch(invocation.host, invocation.say); });
}

}  // namespace ubc::cli

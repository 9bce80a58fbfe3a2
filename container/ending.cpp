// SPDX-License-Identifier: Apache-2.0
#include "container/ending.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "container/container_record.h"
#include "isolate/fixups.h"
#include "os/process.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

using accounting::ConfigFile;

/// The signal that asks this guest's init to end; 0: it would ignore any (process 1 gets only what it handles).
int stop_signal_of(pid_t init) {
  const auto status = os::read_text(fmt::format("/proc/{}/status", init));
  if (!status) return 0;
  const auto mask = [&](std::string_view key) {
    const std::size_t at = status->find(key);
    return at == std::string::npos ? 0ULL : std::strtoull(status->c_str() + at + key.size(), nullptr, 16);
  };
  const auto in = [](unsigned long long signals, int signal) { return (signals >> (signal - 1) & 1) != 0; };
  constexpr int kSystemdHalt = 37;   // SIGRTMIN+3: systemd blocks it and reads it from a descriptor
  if (in(mask("SigBlk:"), kSystemdHalt)) return kSystemdHalt;
  const unsigned long long caught = mask("SigCgt:") | mask("SigBlk:");
  char exe[256];
  const ssize_t length = ::readlink(fmt::format("/proc/{}/exe", init).c_str(), exe, sizeof exe);
  const std::string_view name{exe, length > 0 ? static_cast<std::size_t>(length) : 0};
  // Its init powers off. It waits in sigtimedwait(2), which shows what it waits for as neither blocked nor caught: its name has to do.
  if (name.ends_with("/busybox") && status->starts_with("Name:\tinit\n")) return SIGUSR2;
  return in(caught, SIGTERM) ? SIGTERM : 0;
}

Result<int> stop_timeout(const Host& host, const ConfigFile& config) {
  const auto text = config.get("STOP_TIMEOUT");
  if (!text) return host.settings.stop_timeout_s;
  return static_cast<int>(UBC_TRY(os::parse_number(*text)));
}

/// What its lower layer says, unless the container has an init of its own.
std::string stop_of(const Host& host, std::uint32_t id, const ConfigFile& config) {
  if (!config.get("INIT").value_or("").empty()) return {};
  const auto lower = lower_of(host, id);
  return lower ? lower->stop : "";
}

/// A program inside, in a process of ours that nobody has to wait for: the guest's program may never end.
Result<pid_t> run_beside(const Host& host, std::uint32_t id, const std::string& command) {
  const auto words = os::words_in(command);
  const std::vector<std::string> argv{words.begin(), words.end()};
  const pid_t pid = ::fork();
  if (pid < 0) return os::sys_error(errno, "fork");
  if (pid == 0) ::_exit(exec(host, id, argv, false).value_or(1) == 0 ? 0 : 1);
  return pid;
}

}  // namespace

Result<> ask_to_end(const Host& host, std::uint32_t id, const Running& guest, std::vector<std::string>& notes) {
  const auto config = UBC_TRY(ConfigFile::load(host.paths.config_of(id)));
  const std::string stop = stop_of(host, id, config);
  const int said = isolate::signal_from(stop), signal = stop.empty() ? stop_signal_of(guest.record.init_pid) : said;
  if (signal == 0 && stop.empty()) {
    notes.push_back("its process 1 hears no signal that asks it to end: killed at once");
    return {};
  }
  const int seconds = UBC_TRY(stop_timeout(host, config));
  pid_t command = -1;
  if (signal != 0)
    UBC_TRY(os::send_signal(guest.pidfd, signal));
  else
    command = UBC_TRY(run_beside(host, id, stop));
  const auto ended = os::wait_for_exit(guest.pidfd, std::chrono::seconds{seconds});
  if (command > 0) {
    (void)::kill(command, SIGKILL);
    (void)os::wait_for_child(command);
  }
  if (!UBC_TRY(ended))
    notes.push_back(fmt::format("its init did not end within {} s of {}: killed; --stop-timeout gives it longer", seconds,
                                signal != 0 ? fmt::format("signal {}", signal) : stop));
  return {};
}

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
#include "accounting/process_list.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <sstream>

#include "accounting/limits.h"
#include "os/cgroup_dir.h"
#include "os/text_file.h"

namespace ubc::accounting {
namespace {

/// The value of a line "Key:\tvalue" of /proc/PID/status.
std::string_view value_in(std::string_view status, std::string_view key) {
  while (!status.empty()) {
    const std::string_view line = status.substr(0, status.find('\n'));
    if (line.starts_with(key)) return os::trimmed(line.substr(key.size()));
    status.remove_prefix(std::min(line.size() + 1, status.size()));
  }
  return {};
}

std::uint64_t number_in(std::string_view status, std::string_view key) {
  std::string_view value = value_in(status, key);
  return os::parse_number(os::next_word(value)).value_or(0);
}

/// utime and stime, the twelfth and thirteenth field behind the name, which may hold blanks and brackets itself.
std::uint64_t cpu_ms_in(std::string_view stat) {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == stat.npos) return 0;
  std::istringstream fields{std::string{stat.substr(name_end + 1)}};
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  std::uint64_t user = 0, system = 0;
  fields >> user >> system;
  return (user + system) * 1000 / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
}

std::string command_of(const std::string& process, std::string_view status) {
  std::string command = os::read_text(process + "/cmdline").value_or("");
  while (!command.empty() && command.back() == '\0') command.pop_back();
  std::ranges::replace(command, '\0', ' ');
  return command.empty() ? fmt::format("[{}]", value_in(status, "Name:")) : command;
}

std::optional<ProcessInfo> read_process(pid_t pid, const std::string& proc) {
  const std::string process = fmt::format("{}/{}", proc, pid);
  const auto status = os::read_text(process + "/status");
  const auto stat = os::read_text(process + "/stat");
  if (!status || !stat) return std::nullopt;
  ProcessInfo info;
  info.pid = pid;
  info.inside = pid;
  for (const std::string_view number : os::words_in(value_in(*status, "NSpid:")))
    info.inside = static_cast<pid_t>(os::parse_number(number).value_or(0));
  info.uid = static_cast<uid_t>(number_in(*status, "Uid:"));
  if (const std::string_view state = value_in(*status, "State:"); !state.empty()) info.state = state.front();
  info.threads = number_in(*status, "Threads:");
  info.resident_bytes = number_in(*status, "VmRSS:") * 1024;
  info.cpu_ms = cpu_ms_in(*stat);
  info.command = command_of(process, *status);
  return info;
}

}  // namespace

Result<std::vector<ProcessInfo>> processes_of(const std::string& cgroup, const std::string& proc) {
  std::vector<ProcessInfo> processes;
  for (const pid_t pid : UBC_TRY(os::processes_in(cgroup)))
    if (auto info = read_process(pid, proc)) processes.push_back(*std::move(info));
  return processes;
}

}  // namespace ubc::accounting

// SPDX-License-Identifier: Apache-2.0
#include "isolate/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include "os/fd.h"
#include "os/process.h"
#include "os/text_file.h"

namespace ubc::isolate {
namespace {

constexpr std::string_view kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::size_t kKeptOutput = std::size_t{16} << 20;
constexpr std::size_t kKeptErrors = 4096;

std::vector<std::string> environment_of_child(const std::vector<std::string>& extra) {
  std::vector<std::string> all{fmt::format("PATH={}", kPath), "HOME=/root", "LC_ALL=C"};
  for (const char* name : {"http_proxy", "https_proxy", "no_proxy"})
    if (const char* value = std::getenv(name); value != nullptr) all.push_back(fmt::format("{}={}", name, value));
  all.insert(all.end(), extra.begin(), extra.end());
  return all;
}

/// The file to execute; absolute and relative paths stay as they are.
Result<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  for (std::string_view rest = kPath; !rest.empty();) {
    const std::size_t end = rest.find(':');
    const std::string file = fmt::format("{}/{}", rest.substr(0, end), name);
    if (::access(file.c_str(), X_OK) == 0) return file;
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  return os::error(Code::not_found, "run {}: no such program in {}; install it", name, kPath);
}

struct Child {
  const char* file;
  char* const* argv;
  char* const* environment;
  int output, errors, failure;
  pid_t parent;
};

/// Runs in the child: ends in execve, or sends the errno to the parent.
[[noreturn]] void become(const Child& child) {
  sigset_t none;
  sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
  (void)::signal(SIGPIPE, SIG_DFL);
  const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != child.parent) ::_exit(127);
  if (::dup2(input, STDIN_FILENO) >= 0 && ::dup2(child.output, STDOUT_FILENO) >= 0 && ::dup2(child.errors, STDERR_FILENO) >= 0)
    ::execve(child.file, child.argv, child.environment);
  const int saved = errno;
  (void)!::write(child.failure, &saved, sizeof saved);
  ::_exit(127);
}

struct Captured {
  std::string output, errors;
};

/// Reads once from what poll(2) reported; a closed end turns its descriptor off.
void take(pollfd& end, std::string& text) {
  if (end.fd < 0 || end.revents == 0) return;
  std::array<char, 65536> buffer;
  const ssize_t got = ::read(end.fd, buffer.data(), buffer.size());
  if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
  if (got == 0 || (got < 0 && errno != EINTR)) end.fd = -1;
}

/// Hands over the lines of `text` from `seen` on; those that were meant for `watch` go.
void hand_over(std::string& text, std::size_t& seen, const LineWatch& watch) {
  if (!watch) return;
  for (std::size_t end = text.find('\n', seen); end != std::string::npos; end = text.find('\n', seen)) {
    if (watch(std::string_view{text}.substr(seen, end - seen)))
      text.erase(seen, end + 1 - seen);
    else
      seen = end + 1;
  }
}

Captured capture(const os::Fd& output, const os::Fd& errors, const LineWatch& watch) {
  Captured captured;
  std::size_t seen = 0;
  std::array<pollfd, 2> ends{{{output.get(), POLLIN, 0}, {errors.get(), POLLIN, 0}}};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    if (::poll(ends.data(), ends.size(), -1) < 0 && errno != EINTR) break;
    take(ends[0], captured.output);
    hand_over(captured.output, seen, watch);
    take(ends[1], captured.errors);
    if (captured.output.size() > kKeptOutput) captured.output.resize(seen = kKeptOutput);
    if (captured.errors.size() > kKeptErrors) captured.errors.erase(0, captured.errors.size() - kKeptErrors);
  }
  return captured;
}

/// The last three lines that are not blank, joined by "; ".
std::string last_lines(std::string_view text) {
  std::string joined;
  for (int lines = 0; lines < 3; ++lines) {
    text = os::trimmed(text);
    if (text.empty()) break;
    const std::size_t end = text.rfind('\n');
    const std::string_view line = os::trimmed(end == std::string_view::npos ? text : text.substr(end + 1));
    joined = joined.empty() ? std::string{line} : fmt::format("{}; {}", line, joined);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(0, end);
  }
  return joined;
}

Result<std::string> judge(const std::string& name, int status, Captured captured) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return std::move(captured.output);
  const std::string why = last_lines(captured.errors);
  const std::string end =
      WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status)) : fmt::format("exit code {}", WEXITSTATUS(status));
  return os::error(Code::system, "{} failed ({}){}{}", name, end, why.empty() ? "" : ": ", why);
}

}   // namespace

Result<std::string> run_program(const std::vector<std::string>& argv, const std::vector<std::string>& environment, const LineWatch& watch) {
  const std::string file = UBC_TRY(find_program(argv.at(0)));
  const std::vector<std::string> variables = environment_of_child(environment);
  // Made before the fork: the child allocates nothing.
  const std::vector<char*> arguments = os::pointers_to(argv), settings = os::pointers_to(variables);
  os::Pipe output = UBC_TRY(os::Pipe::make());
  os::Pipe errors = UBC_TRY(os::Pipe::make());
  os::Pipe failure = UBC_TRY(os::Pipe::make());
  const Child plan{file.c_str(),           arguments.data(),        settings.data(), output.write_end.get(),
                   errors.write_end.get(), failure.write_end.get(), ::getpid()};
  const pid_t pid = ::fork();
  if (pid < 0) return os::sys_error(errno, "start", file);
  if (pid == 0) become(plan);
  output.write_end = os::Fd{};
  errors.write_end = os::Fd{};
  failure.write_end = os::Fd{};
  Captured captured = capture(output.read_end, errors.read_end, watch);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return os::sys_error(errno, "wait for", file);
  int exec_errno = 0;
  if (::read(failure.read_end.get(), &exec_errno, sizeof exec_errno) == sizeof exec_errno) return os::sys_error(exec_errno, "run", file);
  return judge(argv[0], status, std::move(captured));
}

void load_module(std::string_view module) {
  if (::access(fmt::format("/sys/module/{}", module).c_str(), F_OK) == 0) return;
  (void)run_program({"modprobe", "-q", std::string{module}});
}

}   // namespace ubc::isolate

// SPDX-License-Identifier: Apache-2.0
#include "exporter/runner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "os/process.h"

namespace ubc::exporter {
namespace {

using nlohmann::json;

constexpr std::size_t kMostOutput = 16'384;    ///< of each stream; the rest is not kept
constexpr std::size_t kMessage = 100'000;      ///< escapes make an output longer
constexpr std::string_view kVerbs[] = {"set", "start", "stop", "restart"};

bool is_limit(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789:unlimited") == std::string_view::npos; }

/// Reads both until both are closed.
ActionResult read_both(const os::Fd& output, const os::Fd& complaints) {
  ActionResult result;
  std::array<pollfd, 2> open{pollfd{output.get(), POLLIN, 0}, pollfd{complaints.get(), POLLIN, 0}};
  std::array<std::string*, 2> texts{&result.output, &result.complaints};
  while (open[0].fd >= 0 || open[1].fd >= 0) {
    if (::poll(open.data(), open.size(), -1) < 0 && errno != EINTR) break;
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (open[i].fd < 0 || open[i].revents == 0) continue;
      char buffer[4096];
      const ssize_t got = ::read(open[i].fd, buffer, sizeof buffer);
      if (got <= 0)
        open[i].fd = -1;
      else
        texts[i]->append(buffer, std::min(static_cast<std::size_t>(got), kMostOutput - std::min(kMostOutput, texts[i]->size())));
    }
  }
  return result;
}

[[noreturn]] void become_ubctl(const std::string& ubctl, const std::vector<std::string>& arguments, int output, int complaints) {
  for (int number = 1; number < NSIG; ++number) (void)::signal(number, SIG_DFL);   // what is ignored stays so in a guest's init
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (::dup2(nothing, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(complaints, 2) < 0) ::_exit(126);
  std::vector<std::string> words{ubctl};
  words.insert(words.end(), arguments.begin(), arguments.end());
  ::execv(ubctl.c_str(), os::pointers_to(words).data());
  const std::string why = fmt::format("run {}: {}: ubcd --admin needs ubctl beside it\n", ubctl, ::strerror(errno));
  (void)!::write(2, why.data(), why.size());
  ::_exit(127);
}

Result<ActionResult> run_ubctl(const std::string& ubctl, const std::vector<std::string>& arguments) {
  os::Pipe output = UBC_TRY(os::Pipe::make()), complaints = UBC_TRY(os::Pipe::make());
  const pid_t child = ::fork();
  if (child < 0) return os::sys_error(errno, "fork for", ubctl);
  if (child == 0) become_ubctl(ubctl, arguments, output.write_end.get(), complaints.write_end.get());
  output.write_end = os::Fd{};
  complaints.write_end = os::Fd{};
  ActionResult result = read_both(output.read_end, complaints.read_end);
  result.status = UBC_TRY(os::wait_for_child(child));
  return result;
}

Action action_of(const json& message) {
  return {message.value("verb", ""), message.value("id", 0U), message.value("arguments", std::vector<std::string>{})};
}

/// One command, in a process of its own, so that a slow stop holds up nobody.
void serve_one(int socket, const std::string& ubctl, const json& message) {
  (void)::signal(SIGCHLD, SIG_DFL);
  ActionResult result;
  const auto arguments = arguments_of(action_of(message));
  if (auto ran = arguments ? run_ubctl(ubctl, *arguments) : Result<ActionResult>{std::unexpected(arguments.error())})
    result = *std::move(ran);
  else
    result = {126, "", ran.error().message};
  const std::string text = json{
      {"number", message.value("number", std::uint64_t{0})},
      {"status", result.status},
      {"output", result.output},
      {"complaints",
       result.complaints}}.dump(-1, ' ', false, json::error_handler_t::replace);
  (void)::send(socket, text.data(), std::min(text.size(), kMessage), MSG_NOSIGNAL);
}

/// Until ubcd is gone.
[[noreturn]] void serve(int socket, const std::string& ubctl) {
  for (const int ends_ubcd_only : {SIGINT, SIGTERM, SIGHUP}) (void)::signal(ends_ubcd_only, SIG_IGN);
  (void)::setsid();                   // a terminal's Ctrl-C is for ubcd: a command under way goes on
  (void)::signal(SIGCHLD, SIG_IGN);   // nobody waits for those that serve one command
  std::string buffer(kMessage, '\0');
  while (true) {
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) ::_exit(0);
    const json message = json::parse(std::string_view{buffer}.substr(0, static_cast<std::size_t>(got)), nullptr, false);
    if (!message.is_object()) continue;
    if (::fork() != 0) continue;
    serve_one(socket, ubctl, message);
    ::_exit(0);
  }
}

}  // namespace

Result<std::vector<std::string>> arguments_of(const Action& action) {
  const auto denied = [&](std::string_view what) { return os::error(Code::denied, "ubcd runs no ubctl {} {}", action.verb, what); };
  if (std::ranges::find(kVerbs, action.verb) == std::end(kVerbs)) return denied("");
  std::vector<std::string> arguments{action.verb, std::to_string(action.id)};
  const bool set = action.verb == "set";
  for (std::size_t i = 0; i < action.arguments.size(); ++i) {
    const std::string& argument = action.arguments[i];
    arguments.push_back(argument);
    if (set ? argument == "--save" : argument == "--fast" && action.verb != "start") continue;
    const bool limit = set && argument.starts_with("--") && accounting::find_resource(argument.substr(2)) != nullptr;
    if (!limit || i + 1 == action.arguments.size() || !is_limit(action.arguments[i + 1])) return denied(argument);
    arguments.push_back(action.arguments[++i]);
  }
  return arguments;
}

Result<Runner> Runner::start(const std::string& ubctl, const container::HostPaths& paths) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return os::sys_error(errno, "make a socket for", ubctl);
  os::Fd ours{ends[0]}, theirs{ends[1]};
  const pid_t child = ::fork();
  if (child < 0) return os::sys_error(errno, "fork for", ubctl);
  if (child == 0) {
    ours = os::Fd{};
    (void)::setenv("UBC_ETC", paths.etc.c_str(), 1);
    (void)::setenv("UBC_LIB", paths.lib.c_str(), 1);
    (void)::setenv("UBC_RUN", paths.run.c_str(), 1);
    (void)::unsetenv("NOTIFY_SOCKET");   // systemd's word with ubcd alone
    serve(theirs.get(), ubctl);
  }
  return Runner{std::move(ours)};
}

void Runner::run(const Action& action, std::function<void(ActionResult)> done) {
  if (waiting_.size() >= kMostAtOnce) return done({9, "", "as many commands as may run do so already: try again when one is done"});
  const std::string text = json{{"number", ++last_}, {"verb", action.verb}, {"id", action.id}, {"arguments", action.arguments}}.dump();
  if (::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    return done({126, "", fmt::format("the process that runs ubctl is gone ({}): restart ubcd", ::strerror(errno))});
  waiting_.emplace(last_, std::move(done));
}

bool Runner::take_results() {
  std::string buffer(kMessage, '\0');
  ssize_t got = 0;
  while ((got = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0) {
    const json message = json::parse(std::string_view{buffer}.substr(0, static_cast<std::size_t>(got)), nullptr, false);
    auto waiting = waiting_.extract(message.is_object() ? message.value("number", std::uint64_t{0}) : 0);
    if (!waiting.empty()) waiting.mapped()({message.value("status", 126), message.value("output", ""), message.value("complaints", "")});
  }
  if (got < 0) return true;
  for (const auto& [number, done] : std::exchange(waiting_, {})) done({126, "", "the process that runs ubctl is gone: restart ubcd"});
  return false;
}

}  // namespace ubc::exporter

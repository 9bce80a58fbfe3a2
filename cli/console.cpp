// SPDX-License-Identifier: Apache-2.0
// console: what a guest has printed, and its terminal; and the process that keeps them.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "cli/detach_key.h"
#include "cli/options.h"
#include "cli/report.h"
#include "container/adopted_record.h"
#include "container/console.h"
#include "container/console_keeper.h"
#include "container/console_log.h"
#include "container/container.h"
#include "isolate/terminal.h"
#include "os/descriptor_message.h"
#include "os/service_manager.h"

namespace ubc::cli {
namespace {

using container::Host;

volatile std::sig_atomic_t ended = 0;
constexpr int kLinesBefore = 24;

enum class End { detached, guest_ended, keeper_ended, hung_up };

void put(std::string_view bytes) {
  (void)std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  (void)std::fflush(stdout);
}

void send_size(const os::Fd& keeper) {
  winsize size{};
  if (::ioctl(0, TIOCGWINSZ, &size) != 0) return;
  (void)os::send_message(keeper.get(), "w" + std::string{reinterpret_cast<const char*>(&size), sizeof size}, {});
}

/// False: the terminal is gone, or the key was pressed.
bool pass_typed(const os::Fd& keeper, DetachKey& key) {
  std::array<char, 1024> buffer;
  const ssize_t got = ::read(0, buffer.data(), buffer.size());
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) return false;
  const std::string passed = key.pass({buffer.data(), static_cast<std::size_t>(got)});
  return (passed.empty() || os::send_message(keeper.get(), "d" + passed, {})) && !key.pressed();
}

Result<End> relay_console(const os::Fd& keeper, const os::Fd& signals) {
  DetachKey key;
  std::array<pollfd, 3> watched{{{0, POLLIN, 0}, {keeper.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}}};
  for (;;) {
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) return os::sys_error(errno, "relay the console");
    if (watched[1].revents != 0) {
      const auto message = os::receive_message(keeper.get());
      if (!message || message->text.empty()) return End::keeper_ended;
      if (message->text.front() == 'e') return End::guest_ended;
      put(std::string_view{message->text}.substr(1));
    }
    if (watched[2].revents != 0) {
      if (isolate::next_signal(signals) != SIGWINCH) return End::hung_up;
      send_size(keeper);
    }
    if (watched[0].revents != 0 && !pass_typed(keeper, key)) return key.pressed() ? End::detached : End::hung_up;
  }
}

int attach(const Host& host, std::uint32_t id, std::string_view before) {
  const auto keeper = container::attach_console(host, id);
  if (!keeper) return fail(keeper.error(), exit_not_running);
  const auto signals = isolate::catch_signals();
  if (!signals) return fail(signals.error());
  put(before);
  Result<End> end = End::hung_up;
  {
    const isolate::RawTerminal raw{0};   // what is typed from here on is the guest's
    put(fmt::format("Attached to container {} (Esc . at the start of a line detaches)\r\n", id));
    send_size(*keeper);
    end = relay_console(*keeper, *signals);
  }
  if (!end) return fail(end.error());
  if (*end == End::detached) put(fmt::format("\nDetached from container {}\n", id));
  if (*end == End::guest_ended) put(fmt::format("\nContainer {} has ended\n", id));
  if (*end == End::keeper_ended) return fail({Code::system, 0, "the keeper of consoles has ended"});
  return exit_ok;
}

int console(const Host& host, std::uint32_t id, bool log_only) {
  if (const auto ours = container::refuse_adopted(host, id, "show the console of"); !ours) return fail(ours.error());
  if (!container::status_of(host, id).exists) return fail(container::unknown_container(id));
  const auto raw = container::read_console_log(host.paths.console_log_of(id));
  if (!raw) return fail(raw.error());
  std::string text = container::console_text(*raw);
  if (!text.empty() && text.back() != '\n') text += '\n';
  if (log_only || ::isatty(0) == 0 || ::isatty(1) == 0) {
    put(text);
    return exit_ok;
  }
  return attach(host, id, container::last_lines(text, kLinesBefore));
}

int keep(const Host& host) {
  const auto said = [](const char* name) {
    const char* text = std::getenv(name);
    return std::string{text != nullptr ? text : ""};
  };
  auto kept_for_us = os::take_kept_descriptors(said("LISTEN_PID"), said("LISTEN_FDS"), said("LISTEN_FDNAMES"));
  const auto keeper = container::ConsoleKeeper::open(host, said("NOTIFY_SOCKET"), [](const std::string& problem) { warn({problem}); });
  if (!keeper) return fail(keeper.error());
  (*keeper)->take_over(std::move(kept_for_us));
  struct sigaction end{};
  end.sa_handler = [](int) { ended = 1; };
  (void)::sigaction(SIGTERM, &end, nullptr);
  (void)::sigaction(SIGINT, &end, nullptr);
  const auto kept = (*keeper)->run(ended);
  return kept ? static_cast<int>(exit_ok) : fail(kept.error());
}

}  // namespace

void add_console(CLI::App& app, Invocation& invocation) {
  struct Flags {
    bool keep = false, log = false;
  };
  const auto flags = std::make_shared<Flags>();
  CLI::App* verb = app.add_subcommand("console", "what a guest has printed on its console, and then that terminal");
  CLI::Option* ctid = add_ctid(*verb, invocation)->required(false);
  verb->add_flag("--log", flags->log, "all that is kept of what it printed, and end");
  verb->add_flag("--keep", flags->keep, "hold the consoles of all containers that start from now on, until ended: a service's body")
      ->excludes(ctid);
  verb->callback([&invocation, flags] {
    if (flags->keep)
      invocation.exit_code = keep(invocation.host);
    else if (invocation.ctid.empty())
      throw CLI::RequiredError("CTID");
    else if (const auto id = container::resolve_id(invocation.host, invocation.ctid); !id)
      invocation.exit_code = fail(id.error());
    else
      invocation.exit_code = console(invocation.host, *id, flags->log);
  });
}

}  // namespace ubc::cli

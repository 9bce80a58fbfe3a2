// SPDX-License-Identifier: Apache-2.0
// ubcd: serves the books. It reads and never decides: kill it, and enforcement goes on.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>

#include "exporter/book_keeper.h"
#include "exporter/confinement.h"
#include "exporter/console_service.h"
#include "exporter/http_server.h"
#include "exporter/own_process.h"
#include "exporter/routes.h"
#include "exporter/settings.h"
#include "os/service_manager.h"
#include "os/text_file.h"

namespace ubc::exporter {
namespace {

/// Standard error, a line an event; the journal stamps the time itself.
void set_up_log() {
  spdlog::set_default_logger(spdlog::stderr_logger_st("ubcd"));
  spdlog::set_pattern(std::getenv("JOURNAL_STREAM") != nullptr ? "%l: %v" : "%Y-%m-%dT%H:%M:%S%z %l: %v");
}

int fail(const Error& error) {
  spdlog::error("{}", os::printable(error.message));
  return 1;
}

void tell_systemd(std::string_view state) {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  if (const auto told = os::notify(socket != nullptr ? socket : "", state); !told) spdlog::warn("{}", told.error().message);
}

/// SIGHUP: the file and the arguments again. Bad ones change nothing.
class Reloader {
 public:
  Reloader(int argc, char** argv, Settings& settings, BookKeeper& books) : argc_{argc}, argv_{argv}, settings_{settings}, books_{books} {}

  void operator()() {
    tell_systemd("RELOADING=1");
    const auto reloaded = reload();
    books_.note_reload(reloaded.has_value());
    if (reloaded)
      spdlog::info("the configuration was read again");
    else
      spdlog::error("{}: the configuration stays as it was", os::printable(reloaded.error().message));
    tell_systemd("READY=1");
  }

 private:
  Result<> reload() {
    auto wanted = UBC_TRY(parse_settings(argc_, argv_));
    if (!wanted) return os::error(Code::bad_value, "read the configuration: it asks for help or the version");
    auto host = UBC_TRY(container::load_host(wanted->paths));
    if (wanted->listen != settings_.listen) spdlog::warn("it listens on {} until it is restarted", settings_.listen);
    wanted->listen = settings_.listen;
    wanted->console = settings_.console;   // the users' file is read again by itself; the rest is of a start
    settings_ = *std::move(wanted);
    books_.use(std::move(host), settings_.collectors);
    return {};
  }

  int argc_;
  char** argv_;
  Settings& settings_;
  BookKeeper& books_;
};

/// systemd's watchdog, at half its patience; none is asked for: none.
void feed_watchdog(HttpServer& server) {
  const char* patience = std::getenv("WATCHDOG_USEC");
  const auto microseconds = os::parse_number(patience != nullptr ? patience : "");
  if (microseconds && *microseconds > 1) server.every(std::chrono::microseconds{*microseconds / 2}, [] { tell_systemd("WATCHDOG=1"); });
}

/// Before anybody is answered, and after all is open that it needs more for.
Result<> give_up_rights(bool confine) {
  UBC_TRY(drop_capabilities());
  return confine ? confine_calls() : Result<>{};
}

int serve(int argc, char** argv, Settings settings) {
  if (::geteuid() != 0)
    return fail({Code::denied, 0, "ubcd needs root, to read what the hooks have pinned: run it as root or by its unit"});
  auto host = container::load_host(settings.paths);
  if (!host) return fail(host.error());
  auto console = ConsoleService::make(settings.console, *host);   // what runs ubctl keeps the rights that are given up below
  if (!console) return fail(console.error());
  auto server = HttpServer::listen(settings.listen, {}, settings.console.tls());
  if (!server) return fail(server.error());
  if (const auto attached = (*console)->attach(*server); !attached) return fail(attached.error());
  if (!bpf::hooks_attached(settings.paths.pins))
    spdlog::warn("no hooks are attached: until they are, only the memory controller's numbers are served");
  BookKeeper books{*host, settings.collectors, std::make_shared<const Abilities>(probe_abilities(*host)), *server};
  if (const auto given = give_up_rights(!settings.no_seccomp); !given) return fail(given.error());
  settle_memory();
  (*console)->on_sample([&](const HostReading& sample) { books.look(sample); });
  server->on_hangup(Reloader{argc, argv, settings, books});
  feed_watchdog(*server);
  spdlog::info("serving {}://{}/", server->scheme(), server->address());
  tell_systemd("READY=1");
  const Served served{[&](const CollectorSet& wanted, Exposition& out) { books.write(wanted, out); },
                      [&](Exposition& out) { return books.write_cadvisor(out); }, settings.fleet};
  const int signal = server->run((*console)->handler([&](const Request& request) { return answer(request, served); }));
  tell_systemd("STOPPING=1");
  spdlog::info("ended by signal {}", signal);
  return 0;
}

int run(int argc, char** argv) {
  const auto settings = parse_settings(argc, argv);
  if (!settings) {
    fail(settings.error());
    return 2;
  }
  if (!*settings) return 0;
  const auto printed = printed_instead((*settings)->console);
  if (!printed) return fail(printed.error());
  if (!*printed) return serve(argc, argv, **settings);
  fmt::print("{}", **printed);
  return 0;
}

}  // namespace
}  // namespace ubc::exporter

int main(int argc, char** argv) {
  (void)std::signal(SIGPIPE, SIG_IGN);   // who reads the log, or a client, may go at any time
  ubc::exporter::set_up_log();
  return ubc::exporter::run(argc, argv);
}

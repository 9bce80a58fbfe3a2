// SPDX-License-Identifier: Apache-2.0
// ubcd: serves the books. It reads and never decides: kill it, and enforcement goes on.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <memory>

#include "exporter/families.h"
#include "exporter/http_server.h"
#include "exporter/notify.h"
#include "exporter/routes.h"
#include "exporter/settings.h"
#include "os/text_file.h"

namespace ubc::exporter {
namespace {

std::string kernel_release() {
  utsname seen{};
  return ::uname(&seen) == 0 ? seen.release : "";
}

/// Reads at each scrape; nothing is cached.
class BookKeeper {
 public:
  BookKeeper(container::Host host, const CollectorSet& collectors, const HttpServer& server)
      : host_{std::move(host)},
        collectors_{collectors},
        server_{server},
        abilities_{std::make_shared<const Abilities>(probe_abilities(host_))} {}

  void write(const CollectorSet& wanted, Exposition& out) {
    const auto start = std::chrono::steady_clock::now();
    const HostReading reading = read_host(host_, wanted & collectors_);
    OwnReading own;
    own.read_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (const Error& failure : reading.failures) note(failure);
    if (auto process = read_own_process())
      own.process = *process;
    else
      note(process.error());
    own.read_failures = failures_;
    own.requests = server_.counts().requests;
    own.connections_refused = server_.counts().connections_refused;
    own.kernel = kernel_release();
    own.reload.at = loaded_at_;
    own.abilities = abilities_;
    write_families(reading, own, out);
  }

 private:
  void note(const Error& failure) {
    ++failures_;
    spdlog::warn("{}", os::printable(failure.message));
  }

  container::Host host_;
  CollectorSet collectors_;
  const HttpServer& server_;
  std::shared_ptr<const Abilities> abilities_;
  std::int64_t loaded_at_ = std::time(nullptr);
  std::uint64_t failures_ = 0;
};

/// Standard error, a line an event; the journal stamps the time itself.
void set_up_log() {
  spdlog::set_default_logger(spdlog::stderr_logger_st("ubcd"));
  spdlog::set_pattern(std::getenv("JOURNAL_STREAM") != nullptr ? "%l: %v" : "%Y-%m-%dT%H:%M:%S%z %l: %v");
}

int fail(const Error& error) {
  spdlog::error("{}", os::printable(error.message));
  return 1;
}

int serve(const Settings& settings) {
  if (::geteuid() != 0)
    return fail({Code::denied, 0, "ubcd needs root, to read what the hooks have pinned: run it as root or by its unit"});
  auto host = container::load_host(settings.paths);
  if (!host) return fail(host.error());
  auto server = HttpServer::listen(settings.listen, {});
  if (!server) return fail(server.error());
  if (!bpf::hooks_attached(settings.paths.pins))
    spdlog::warn("no hooks are attached: until they are, only the memory controller's numbers are served");
  BookKeeper books{*std::move(host), settings.collectors, *server};
  spdlog::info("serving http://{}/metrics", server->address());
  const char* socket = std::getenv("NOTIFY_SOCKET");
  if (const auto told = notify(socket != nullptr ? socket : "", "READY=1"); !told) spdlog::warn("{}", told.error().message);
  const int signal = server->run([&](const Request& request) {
    return answer(request, [&](const CollectorSet& wanted, Exposition& out) { books.write(wanted, out); });
  });
  spdlog::info("ended by signal {}", signal);
  return 0;
}

int run(int argc, char** argv) {
  const auto settings = parse_settings(argc, argv);
  if (!settings) {
    fail(settings.error());
    return 2;
  }
  return *settings ? serve(**settings) : 0;
}

}  // namespace
}  // namespace ubc::exporter

int main(int argc, char** argv) {
  ubc::exporter::set_up_log();
  return ubc::exporter::run(argc, argv);
}

// SPDX-License-Identifier: Apache-2.0
// ubcd: serves the books. It reads and never decides: kill it, and enforcement goes on.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <prometheus/collectable.h>
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>

#include "exporter/families.h"
#include "exporter/http_server.h"
#include "exporter/notify.h"
#include "exporter/routes.h"
#include "os/text_file.h"

namespace ubc::exporter {
namespace {

struct Options {
  std::string listen = "127.0.0.1:9641";
  container::HostPaths paths;
};

std::string kernel_release() {
  utsname seen{};
  return ::uname(&seen) == 0 ? seen.release : "";
}

/// Reads at each scrape; nothing is cached.
class Books : public prometheus::Collectable {
 public:
  Books(container::Host host, const HttpServer& server) : host_{std::move(host)}, server_{server} {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    const auto start = std::chrono::steady_clock::now();
    const HostReading reading = read_host(host_);
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
    return families_of(reading, own);
  }

 private:
  void note(const Error& failure) const {
    ++failures_;
    spdlog::warn("{}", os::printable(failure.message));
  }

  container::Host host_;
  const HttpServer& server_;
  mutable std::uint64_t failures_ = 0;
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

int serve(const Options& options) {
  if (::geteuid() != 0)
    return fail({Code::denied, 0, "ubcd needs root, to read what the hooks have pinned: run it as root or by its unit"});
  auto host = container::load_host(options.paths);
  if (!host) return fail(host.error());
  auto server = HttpServer::listen(options.listen, {});
  if (!server) return fail(server.error());
  if (!bpf::hooks_attached(options.paths.pins))
    spdlog::warn("no hooks are attached: until they are, only the memory controller's numbers are served");
  const Books books{*std::move(host), *server};
  spdlog::info("serving http://{}/metrics", server->address());
  const char* socket = std::getenv("NOTIFY_SOCKET");
  if (const auto told = notify(socket != nullptr ? socket : "", "READY=1"); !told) spdlog::warn("{}", told.error().message);
  const int signal = server->run([&](const Request& request) { return answer(request, books); });
  spdlog::info("ended by signal {}", signal);
  return 0;
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app{"ubcd: the host's beancounters for Prometheus", "ubcd"};
  app.add_option("--listen", options.listen, "ADDRESS:PORT; anybody who can reach it can read")->capture_default_str();
  app.add_option("--config-dir", options.paths.etc, "as ubctl's")->envname("UBC_ETC")->capture_default_str();
  app.add_option("--lib-dir", options.paths.lib, "as ubctl's")->envname("UBC_LIB")->capture_default_str();
  app.add_option("--run-dir", options.paths.run, "as ubctl's")->envname("UBC_RUN")->capture_default_str();
  app.set_version_flag("--version", "ubcd " UBC_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& wrong) {
    fail({Code::bad_value, 0, fmt::format("{}: ubcd --help lists the options", wrong.what())});
    return 2;
  }
  return serve(options);
}

}  // namespace
}  // namespace ubc::exporter

int main(int argc, char** argv) {
  ubc::exporter::set_up_log();
  return ubc::exporter::run(argc, argv);
}

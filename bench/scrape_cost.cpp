// SPDX-License-Identifier: Apache-2.0
// ubc-scrape-bench: what a scrape of 1,000 containers costs, in CPU time, beside prometheus-cpp's own Exposer over the same values: each in
// a process of its own, asked over the loopback device. Then our memory over 1,000 scrapes, and 50 scrapers at once. Needs neither root nor
// a kernel that enforces: the readings are made up, so that writing and sending is all that is measured. What reading costs is the
// daemon's ubc_collector_duration_seconds.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <prometheus/exposer.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "exporter/families.h"
#include "exporter/http_server.h"
#include "exporter/routes.h"
#include "tests/support/library_families.h"

namespace ubc::bench {
namespace {

constexpr std::size_t kContainers = 1000;
constexpr int kScrapes = 15;

class Library : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override { return test::library_families(host_); }

 private:
  exporter::HostReading host_ = test::crowded_host(kContainers);
};

[[noreturn]] void serve_by_library(int report_to) {
  prometheus::Exposer exposer{"127.0.0.1:0"};
  const auto books = std::make_shared<Library>();
  exposer.RegisterCollectable(books);
  const int port = exposer.GetListeningPorts().front();
  (void)!::write(report_to, &port, sizeof port);
  for (;;) ::pause();
}

[[noreturn]] void serve_by_us(int report_to) {
  auto server = exporter::HttpServer::listen("127.0.0.1:0", {});
  if (!server) ::_exit(1);
  exporter::HostReading host = test::crowded_host(kContainers);
  host.collected = {};
  host.collected.set(exporter::Collector::beancounters, true);
  const std::string address = server->address();
  const int port = std::stoi(address.substr(address.rfind(':') + 1));
  (void)!::write(report_to, &port, sizeof port);
  const std::vector<std::string> fleet;
  const exporter::Served served{[&](const exporter::CollectorSet&, exporter::Exposition& out) { exporter::write_families(host, {}, out); },
                                [](exporter::Exposition&) { return false; }, fleet};
  (void)server->run([&](const exporter::Request& request, const exporter::Done& done) { done(exporter::answer(request, served)); });
  ::_exit(0);
}

/// A server in a process of its own, ended with the object.
class Server {
 public:
  explicit Server(void (*serve)(int)) {
    int ends[2];
    if (::pipe(ends) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) serve(ends[1]);
    (void)!::read(ends[0], &port_, sizeof port_);
    (void)::close(ends[0]);
    (void)::close(ends[1]);
    (void)::clock_getcpuclockid(pid_, &clock_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] int port() const { return port_; }
  /// CPU time that it has taken, in milliseconds.
  [[nodiscard]] double cpu_ms() const {
    timespec at{};
    (void)::clock_gettime(clock_, &at);
    return static_cast<double>(at.tv_sec) * 1e3 + static_cast<double>(at.tv_nsec) / 1e6;
  }
  [[nodiscard]] double resident_mib() const {
    std::ifstream statm{fmt::format("/proc/{}/statm", pid_)};
    std::uint64_t size = 0, resident = 0;
    statm >> size >> resident;
    return static_cast<double>(resident) * 4096 / (1 << 20);
  }

 private:
  pid_t pid_ = -1;
  int port_ = 0;
  clockid_t clock_{};
};

/// Bytes of the whole reply; 0: it was none.
std::size_t scrape(const Server& server, const std::string& header) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(server.port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::size_t total = 0;
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n" + header + "\r\n";
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::send(socket, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
    std::vector<char> buffer(1 << 18);
    for (ssize_t got; (got = ::recv(socket, buffer.data(), buffer.size(), 0)) > 0;) total += static_cast<std::size_t>(got);
  }
  (void)::close(socket);
  return total;
}

struct Figure {
  double cpu_ms = 0;  ///< the median of kScrapes
  std::size_t bytes = 0;
};

Figure measure(const Server& server, const std::string& header) {
  Figure figure;
  std::vector<double> each;
  (void)scrape(server, header);
  for (int i = 0; i < kScrapes; ++i) {
    const double before = server.cpu_ms();
    figure.bytes = scrape(server, header);
    each.push_back(server.cpu_ms() - before);
  }
  std::ranges::nth_element(each, each.begin() + kScrapes / 2);
  figure.cpu_ms = each[kScrapes / 2];
  return figure;
}

/// As text the target is met; packing alone, which both leave to zlib, is more than a tenth of what the library does to write.
bool compare(const Server& ours, const Server& library) {
  bool met = true;
  fmt::print("{:<16} {:>12} {:>12} {:>12} {:>12} {:>7}\n", "a scrape", "CPU ms ours", "library", "bytes ours", "library", "ratio");
  for (const auto& [what, header] : {std::pair{"as text", ""}, {"gzip", "Accept-Encoding: gzip\r\n"}}) {
    const Figure us = measure(ours, header), them = measure(library, header);
    fmt::print("{:<16} {:>12.1f} {:>12.1f} {:>12} {:>12} {:>7.3f}\n", what, us.cpu_ms, them.cpu_ms, us.bytes, them.bytes,
               us.cpu_ms / them.cpu_ms);
    met = met && us.bytes > 0 && them.bytes > 0 && us.cpu_ms * 10 <= them.cpu_ms;
  }
  return met;
}

bool endure(const Server& ours) {
  for (int i = 0; i < 100; ++i) (void)scrape(ours, "");
  const double after_100 = ours.resident_mib();
  for (int i = 0; i < 900; ++i) (void)scrape(ours, "");
  const double after_1000 = ours.resident_mib();
  fmt::print("resident MiB after 100 scrapes {:.1f}, after 1,000 {:.1f}\n", after_100, after_1000);
  return after_1000 <= after_100 * 1.05;
}

bool crowd(const Server& ours) {
  const double before = ours.cpu_ms();
  std::vector<std::size_t> bytes(50);
  {
    std::vector<std::jthread> scrapers;
    for (std::size_t& each : bytes) scrapers.emplace_back([&ours, &each] { each = scrape(ours, ""); });
  }
  const auto served = std::ranges::count_if(bytes, [&](std::size_t each) { return each == bytes.front() && each > 1'000'000; });
  fmt::print("of 50 scrapers at once {} had the whole, {:.1f} CPU ms each; resident then {:.1f} MiB\n", served,
             (ours.cpu_ms() - before) / 50, ours.resident_mib());
  return served == 50;
}

int run() {
  const Server library{serve_by_library}, ours{serve_by_us};
  if (library.port() == 0 || ours.port() == 0) {
    fmt::print(stderr, "a server did not start\n");
    return 1;
  }
  fmt::print("{} containers of {} resources\n", kContainers, accounting::kResources.size());
  const bool cheap = compare(ours, library), flat = endure(ours), crowded = crowd(ours);
  fmt::print("{}  a tenth of the library's CPU time\n{}  memory stays\n{}  50 at once\n", cheap ? "met   " : "MISSED",
             flat ? "met   " : "MISSED", crowded ? "met   " : "MISSED");
  return cheap && flat && crowded ? 0 : 1;
}

}  // namespace
}  // namespace ubc::bench

int main() { return ubc::bench::run(); }

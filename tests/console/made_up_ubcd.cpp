// SPDX-License-Identifier: Apache-2.0
// The console of a made-up host, through the real server: to look at, and for the browser's test.
//   ubc-made-up-ubcd [--listen ADDRESS:PORT] [--users FILE] [--drift]
// It prints where it serves, and takes lines on standard input: "held ID RESOURCE N", "refuse ID RESOURCE PROGRAM".
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include "exporter/http_server.h"
#include "exporter/site.h"
#include "os/text_file.h"
#include "tests/support/made_up_world.h"

namespace ubc::test {
namespace {

struct Options {
  std::string listen = "127.0.0.1:0", users;
  bool drift = false, empty = false;
};

Options parse(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--drift") options.drift = true;
    if (arguments[i] == "--empty") options.empty = true;
    if (i + 1 == arguments.size()) continue;
    if (arguments[i] == "--listen") options.listen = arguments[i + 1];
    if (arguments[i] == "--users") options.users = arguments[i + 1];
  }
  return options;
}

/// Each container in a rhythm of its own, about where it was made.
void drift(MadeUpWorld& world, const MadeUpWorld& origin, double minute) {
  for (exporter::ContainerReading& container : world.now.host.running) {
    const auto from = std::ranges::find(origin.now.host.running, container.id, &exporter::ContainerReading::id);
    if (from == origin.now.host.running.end()) continue;
    for (const accounting::ResourceInfo& info : accounting::kResources) {
      const double base = static_cast<double>(from->counters.of(info.resource).held);
      const double phase = static_cast<double>(container.id % 7) + static_cast<double>(info.resource) * 0.7;
      const double wave =
          std::sin(minute / 9 + phase) * 0.09 + std::sin(minute * 1.7 + phase * 3) * 0.03 + std::sin(minute * 5.1 + phase) * 0.015;
      accounting::Beancounter& counter = container.counters.of(info.resource);
      counter.held = static_cast<std::uint64_t>(std::max(0.0, base * (1 + wave)));
      const accounting::Limit bound = accounting::first_bound(counter);
      if (!bound.is_unlimited()) counter.held = std::min(counter.held, bound.raw());
      counter.maxheld = std::max(counter.maxheld, counter.held);
    }
  }
}

/// How much more than usual is used in this minute.
double busy(double minute) { return 1 + 0.35 * std::sin(minute / 7) + 0.2 * std::sin(minute * 1.3) + 0.08 * std::sin(minute * 4.7); }

void obey(MadeUpWorld& world, const std::string& line) {
  std::istringstream words{line};
  std::string verb, resource, value;
  std::uint32_t id = 0;
  words >> verb >> id >> resource >> value;
  const accounting::ResourceInfo* info = accounting::find_resource(resource);
  if (info == nullptr || world.find(id) == nullptr) return;
  if (verb == "held") world.find(id)->counters.of(info->resource).held = os::parse_number(value).value_or(0);
  if (verb == "refuse") world.refuse(id, info->resource, value, "clone");
}

/// False at the end of it.
bool obey_input(MadeUpWorld& world, std::string& input) {
  char buffer[4096];
  const ssize_t got = ::read(0, buffer, sizeof buffer);
  if (got <= 0) return false;
  input.append(buffer, static_cast<std::size_t>(got));
  for (std::size_t end = 0; (end = input.find('\n')) != std::string::npos; input.erase(0, end + 1)) obey(world, input.substr(0, end));
  return true;
}

int serve(const Options& options) {
  MadeUpWorld world, origin;
  if (!options.empty) {
    populate(world);
    populate(origin);
  }
  exporter::Live live{world};
  exporter::Api api{world, live, {true, "0.1.0", [](const std::string& line) { std::fprintf(stderr, "audit: %s\n", line.c_str()); }}};
  auto users = options.users.empty() ? Result<std::vector<exporter::User>>{} : exporter::load_users(options.users);
  auto server = exporter::HttpServer::listen(options.listen, {});
  if (!users || !server) return std::fprintf(stderr, "%s\n", (users ? server.error() : users.error()).message.c_str()), 1;
  exporter::Authenticator authenticator{*users};
  exporter::Site site{
      api, options.users.empty() ? nullptr : &authenticator, {{}, [](const exporter::Request&) { return exporter::Reply{404}; }}};
  const std::int64_t now = std::time(nullptr);
  for (int point = 0; point < 120; ++point) {
    drift(world, origin, point / 2.0);
    world.advance(30, busy(point / 2.0));
    live.sample({static_cast<double>(now - (120 - point) * 30), point * 30.0});
  }
  if (!options.drift)
    for (exporter::ContainerReading& container : world.now.host.running)
      container.counters = std::ranges::find(origin.now.host.running, container.id, &exporter::ContainerReading::id)->counters;
  double minute = 60;
  std::string input;
  if (options.drift) server->every(std::chrono::seconds{1}, [&] { drift(world, origin, minute += 1 / 60.0); });
  server->every(std::chrono::seconds{1}, [&] { world.advance(1); });
  server->every(exporter::Live::kTick, [&] { live.tick(); });
  server->every(exporter::Live::kRefusalPoll, [&] { live.poll_refusals(); });
  server->when_readable(0, [&] { return obey_input(world, input); });
  std::printf("http://%s\n", server->address().c_str());
  (void)std::fflush(stdout);
  (void)server->run([&](const exporter::Request& request, const exporter::Done& done) { site.answer(request, done); });
  return 0;
}

}  // namespace
}  // namespace ubc::test

int main(int argc, char** argv) { return ubc::test::serve(ubc::test::parse({argv + 1, argv + argc})); }

// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz_targets.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "accounting/cgroup_usage.h"
#include "accounting/config_file.h"
#include "accounting/consistency.h"
#include "container/ledger_audit.h"
#include "container/tuning.h"
#include "exporter/api.h"
#include "exporter/auth.h"
#include "exporter/cadvisor_families.h"
#include "exporter/http_server.h"
#include "exporter/http_wire.h"
#include "exporter/negotiation.h"
#include "exporter/routes.h"
#include "exporter/settings.h"
#include "exporter/site.h"
#include "tests/support/made_up_host.h"
#include "tests/support/made_up_world.h"

namespace ubc::test {
namespace {

using exporter::Reply;
using exporter::Request;

void check(bool holds) {
  if (!holds) std::abort();
}

std::string take_line(std::string_view& text) {
  const std::string_view taken = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(taken.size() + 1, text.size()));
  return std::string{taken};
}

Reply metrics_for(const Request& request) {
  static const MadeUpHost made_up = full_host();
  static const std::vector<std::string> fleet;
  const exporter::Served served{[](const exporter::CollectorSet& wanted, exporter::Exposition& out) {
                                  exporter::HostReading host = made_up.host;
                                  host.collected = wanted;
                                  exporter::write_families(host, made_up.own, out);
                                },
                                [](exporter::Exposition& out) {
                                  exporter::write_cadvisor(made_up.host, "/c", out);
                                  return true;
                                },
                                fleet};
  return exporter::answer(request, served);
}

/// "query\naccept\naccept-encoding": whatever it says, the reply is whole and of a status that we know.
void fuzz_metrics(std::string_view text) {
  const std::string query = take_line(text), accept = take_line(text), encoding = take_line(text);
  const std::string path = text.empty() ? "/metrics" : "/metrics/cadvisor";
  const Reply reply = metrics_for({path, query, {{"accept", accept}, {"accept-encoding", encoding}}});
  check(reply.status == 200 || reply.status == 400);
  const bool packed = reply.headers.contains("Content-Encoding");
  check(!packed || exporter::accepts_gzip(encoding));
  if (reply.status == 200 && exporter::format_for(accept) == exporter::Format::openmetrics && !packed)
    check(reply.body.ends_with("# EOF\n"));
}

/// A host that is the same at each run.
class Panel {
 public:
  Panel() {
    populate(world_);
    pristine_ = world_.now;
  }
  void renew() {
    world_.now = pristine_;
    world_.done.clear();
  }
  exporter::Api& api() { return api_; }
  exporter::Site& site() { return site_; }

 private:
  MadeUpWorld world_;
  exporter::WorldReading pristine_;
  exporter::Live live_{world_};
  exporter::Api api_{world_, live_, {true, "0", [](const std::string&) {}}};
  exporter::Site site_{api_, nullptr, {{"panel.example.com"}, metrics_for}};
};

Panel& panel() {
  static Panel made;
  made.renew();
  return made;
}

void check_json(const Reply& reply) {
  if (reply.content_type == "application/json") check(nlohmann::json::accept(reply.body));
}

/// "METHOD /path?query\nbody", by an admin: what is answered is JSON, and nothing but the four verbs reaches ubctl.
void fuzz_api(std::string_view text) {
  std::string line = take_line(text);
  Request request;
  const std::size_t blank = std::min(line.find(' '), line.size());
  request.method = line.substr(0, blank);
  request.path = "/api/v1/" + line.substr(std::min(blank + 1, line.size()));
  const std::size_t question = std::min(request.path.find('?'), request.path.size());
  request.query = request.path.substr(std::min(question + 1, request.path.size()));
  request.path.resize(question);
  request.body = std::string{text};
  request.headers = {{"x-ubc-request", "1"}};
  bool answered = false;
  panel().api().answer(request, {"ada", exporter::Role::admin}, [&](const Reply& reply) {
    check(reply.status >= 200 && reply.status < 600);
    check_json(reply);
    answered = true;
  });
  check(answered);
}

/// A request as it comes over the wire, within the server's bounds.
void fuzz_http(std::string_view text) {
  namespace http = boost::beast::http;
  const exporter::HttpBounds bounds;
  http::request_parser<http::string_body> parser;
  parser.header_limit(bounds.header_bytes);
  parser.body_limit(bounds.body_bytes);
  parser.eager(true);
  boost::system::error_code failed;
  for (std::size_t used = 1; used != 0 && !text.empty() && !failed && !parser.is_done(); text.remove_prefix(used))
    used = parser.put(boost::asio::buffer(text.data(), text.size()), failed);
  if (!failed && !parser.is_done() && parser.got_some()) parser.put_eof(failed);
  if (failed) {
    if (const auto complaint = exporter::complaint_of(failed)) check(complaint->status >= 400);
    return;
  }
  if (!parser.is_done()) return;
  const unsigned version = parser.get().version();
  int answers = 0;
  panel().site().answer(exporter::request_of(parser.release(), "127.0.0.1"), [&](Reply reply) {
    ++answers;
    check_json(reply);
    auto response = exporter::response_of(std::move(reply), version, false);
    response.prepare_payload();
  });
  check(answers == 1);
}

void fuzz_settings(std::string_view text) {
  const int file = ::memfd_create("ubcd.conf", MFD_CLOEXEC);
  if (file < 0 || ::write(file, text.data(), text.size()) < 0) std::abort();
  const std::string option = "--config=/proc/self/fd/" + std::to_string(file);
  const char* const argv[] = {"ubcd", option.c_str()};
  const auto settings = exporter::parse_settings(2, argv);
  check(!settings || *settings || text.find("help") != std::string_view::npos || text.find("version") != std::string_view::npos);
  (void)::close(file);
}

/// A failure or a value; never a crash.
void fuzz_kernel_files(std::string_view text) {
  (void)accounting::parse_cpu_stat(text);
  (void)accounting::parse_cpu_max(text);
  (void)accounting::parse_pressure(text);
  (void)accounting::parse_io_stat(text);
  (void)accounting::parse_io_max(text);
  (void)accounting::parse_net_dev(text);
}

/// OpenVZ's: what is written reads as it was meant, and what is not touched stays.
void fuzz_container_config(std::string_view text) {
  accounting::ConfigFile config = accounting::ConfigFile::parse(text);
  const std::string written = config.text();
  check(accounting::ConfigFile::parse(written).text() == written);
  for (const std::string& key : config.keys()) check(config.get(key).has_value());
  (void)container::effective_limits(config);
  accounting::Parameters parameters = accounting::parameters_in(config);
  (void)accounting::check_classic(parameters, [](const accounting::Finding& finding) { return !finding.proposal.empty(); });
  const std::string value{text.substr(0, std::min<std::size_t>(text.size(), 64))};
  if (std::ranges::any_of(value, [](char c) { return c == '\n' || c == '\0'; })) return;
  config.set("DESCRIPTION", value);
  check(accounting::ConfigFile::parse(config.text()).get("DESCRIPTION") == value);
}

/// The users' file, and what an audit has left.
void fuzz_own_files(std::string_view text) {
  (void)exporter::parse_users(text);
  if (const auto audit = container::parse_audit(std::string{text})) check(nlohmann::json::accept(json_of(*audit).dump()));
}

constexpr std::string_view kMetrics[] = {
    "name[]=ubc_held_items&collect[]=hooks\napplication/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1\ngzip;q=0.9, br", "\n\n\ncadvisor"};
constexpr std::string_view kHttp[] = {
    "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9641\r\nAccept-Encoding: gzip\r\n\r\n",
    "PATCH /api/v1/containers/101/limits HTTP/1.1\r\nHost: panel.example.com\r\nX-UBC-Request: 1\r\nOrigin: http://panel.example.com\r\n"
    "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    "POST /api/v1/containers/101/stop HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{ }\r\n0\r\n\r\n"};
constexpr std::string_view kApi[] = {
    "PATCH containers/101/limits\n{\"limits\": {\"numproc\": \"100:120\", \"physpages\": \"unlimited\"}, \"save\": true, \"dry_run\": "
    "false}",
    "POST containers/shop/stop\n{\"fast\": true}", "GET containers?view=summary\n", "GET events?container=101\n",
    "GET containers/102/usage\n"};
constexpr std::string_view kSettings[] = {
    "listen=127.0.0.1:9641\ncollector.hooks=false\nfleet=[\"10.0.0.5:9641\",\"[::1]:9641\"]\nusers=/etc/ubc/users\n"};
constexpr std::string_view kKernelFiles[] = {"user_usec 12\nsystem_usec 3\nnr_periods 4\nnr_throttled 1\nthrottled_usec 9\n",
                                             "max 100000\n",
                                             "some avg10=0.00 avg60=0.00 avg300=0.00 total=12\nfull avg10=0.00 total=3\n",
                                             "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n",
                                             "8:0 rbps=1048576 wbps=max riops=max wiops=70\n",
                                             "  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"};
constexpr std::string_view kConfigs[] = {
    "# of a plan\nONBOOT=\"yes\"\nNUMPROC=\"240:240\"\nPHYSPAGES=\"0:512M\"\nDISKSPACE=\"1G:1.1G\"\nDISK_QUOTA=\"yes\"\n"
    "NAME=\"a \\\"b\\\" $c\"\nKMEMSIZE=14372700:14790164\nVM_OVERCOMMIT=\"1.5\"\n"};
constexpr std::string_view kOwnFiles[] = {
    "ada admin $5$rounds=1000$salt$fn6nUx.sE0fgz/VX03yrwL05pkenQ/0yTOmQ37f3fd4\nprom read sha256:00\n",
    R"({"at":1.5,"seconds":0.25,"resources":{"numfile":{"held":5,"found":4,"missed":0,"drift":1}},"drifting":[]})"};

constexpr FuzzTarget kTargets[] = {{"metrics", fuzz_metrics, kMetrics},
                                   {"http", fuzz_http, kHttp},
                                   {"api", fuzz_api, kApi},
                                   {"settings", fuzz_settings, kSettings},
                                   {"kernel_files", fuzz_kernel_files, kKernelFiles},
                                   {"container_config", fuzz_container_config, kConfigs},
                                   {"own_files", fuzz_own_files, kOwnFiles}};

}  // namespace

std::span<const FuzzTarget> fuzz_targets() { return kTargets; }

}  // namespace ubc::test

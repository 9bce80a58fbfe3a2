// SPDX-License-Identifier: Apache-2.0
// fleet: all hosts at once. A Prometheus server that scrapes their ubcd knows them; it is asked with curl.
#include <memory>
#include <string>

#include "accounting/limits.h"
#include "accounting/resource.h"
#include "cli/fleet_answers.h"
#include "cli/options.h"
#include "cli/report.h"
#include "isolate/run_program.h"

namespace ubc::cli {
namespace {

struct FleetOptions {
  std::string url, window = "1h", ram;
  std::uint64_t count = 20, numproc = 0;
  bool json = false;
};

Result<> check_url(const std::string& url) {
  if ((url.starts_with("http://") || url.starts_with("https://")) && url.find_first_of(" ?#") == std::string::npos) return {};
  return os::error(Code::bad_value, "--prometheus {}: the URL of a Prometheus server, like http://prometheus.example.com:9090", url);
}

/// Credentials, if the server wants any, are curl's to know: ~/.netrc.
Ask ask_of(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return [url](const std::string& promql) -> Result<std::vector<Series>> {
    const auto reply = isolate::run_program(
        {"curl", "-sS", "-m", "20", "--netrc-optional", "--get", "--data-urlencode", "query=" + promql, "--", url + "/api/v1/query"});
    if (!reply) return os::with_context(Result<std::vector<Series>>{std::unexpected(reply.error())}, "asking Prometheus");
    return os::with_context(parse_reply(*reply), fmt::format("asking {}", url));
  };
}

template <typename Rows>
int print(const Result<Rows>& rows, bool json) {
  if (!rows) return fail(rows.error());
  fmt::print("{}", json ? json_of(*rows).dump(4, ' ', false, nlohmann::json::error_handler_t::replace) + "\n" : table_of(*rows));
  return exit_ok;
}

int list(const FleetOptions& options) {
  if (const auto fine = check_url(options.url); !fine) return fail(fine.error());
  return print(ask_hosts(ask_of(options.url)), options.json);
}

int top(const FleetOptions& options) {
  if (const auto fine = check_url(options.url); !fine) return fail(fine.error());
  return print(ask_refusals(ask_of(options.url), options.window, options.count), options.json);
}

int place(const FleetOptions& options) {
  if (const auto fine = check_url(options.url); !fine) return fail(fine.error());
  const auto ram = accounting::parse_ram("ram", options.ram);
  if (!ram) return fail(ram.error());
  if (ram->limit.is_unlimited()) return fail({Code::bad_value, 0, "--ram unlimited fits nowhere: say a size"}, exit_bad_value);
  const auto hosts = ask_hosts(ask_of(options.url));
  if (!hosts) return fail(hosts.error());
  const Result<std::vector<FleetHost>> places = places_for({options.numproc, ram->limit.raw() * accounting::kPageSize}, *hosts);
  if (places->empty())
    return fail(
        {Code::no_resources, 0,
         fmt::format("none of {} hosts is up, enforces and has room for {} processes and {} of RAM: ubctl fleet list shows what they have",
                     hosts->size(), options.numproc, options.ram)});
  return print(places, options.json);
}

CLI::App* add_question(CLI::App& verb, Invocation& invocation, const std::shared_ptr<FleetOptions>& options, const char* name,
                       const char* help, int (*body)(const FleetOptions&)) {
  CLI::App* question = verb.add_subcommand(name, help);
  question->add_option("--prometheus", options->url, "its URL")->required();
  question->add_flag("--json", options->json, "for machines");
  question->callback([&invocation, options, body] { invocation.exit_code = body(*options); });
  return question;
}

}  // namespace

void add_fleet(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<FleetOptions>();
  CLI::App* verb = app.add_subcommand("fleet", "all hosts, by a Prometheus server that scrapes their ubcd");
  verb->require_subcommand(1);
  add_question(*verb, invocation, options, "list", "the hosts: containers, refusals of the last hour, room", list);
  CLI::App* most = add_question(*verb, invocation, options, "top", "who was refused most", top);
  most->add_option("--over", options->window, "of the last 30m, 1h (default), 7d, ...");
  most->add_option("-n", options->count, "so many at most (20)")->check(CLI::Range(1, 10000));
  CLI::App* where = add_question(*verb, invocation, options, "place", "hosts where a guest of this size fits, best first", place);
  where->add_option("--numproc", options->numproc, "its processes and threads")->required();
  where->add_option("--ram", options->ram, "its RAM, with T, G, M, K")->required();
}

}  // namespace ubc::cli

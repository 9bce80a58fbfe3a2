// SPDX-License-Identifier: Apache-2.0
#include "cli/fleet_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "accounting/limits.h"
#include "os/text_file.h"

namespace ubc::cli {
namespace {

using Json = nlohmann::json;

/// What containers were promised of a resource, by host: their limits, and what those without one hold. 0 for a host without containers.
std::string promised(std::string_view family, std::string_view resource) {
  return fmt::format(
      "(sum by (instance) (ubc_limit_{0}{{resource=\"{1}\"}} or ubc_held_{0}{{resource=\"{1}\"}}) or on (instance) "
      "0 * max by (instance) (ubc_host_memory_bytes))",
      family, resource);
}

/// As many as the kernel allows a host by default (threads-max): one for each 128 KiB of RAM.
constexpr std::string_view kProcesses = "(max by (instance) (ubc_host_memory_bytes) / 131072)";

struct HostQuery {
  std::string promql;
  std::optional<double> FleetHost::* member;
};
std::vector<HostQuery> host_queries() {
  const std::string ram = "max by (instance) (ubc_host_memory_bytes)";
  return {{"sum by (instance) (ubc_containers{state=\"running\"})", &FleetHost::running},
          {"sum by (instance) (increase(ubc_failures_total[1h]))", &FleetHost::refused},
          {ram, &FleetHost::ram},
          {fmt::format("{} - on (instance) {}", ram, promised("bytes", "physpages")), &FleetHost::ram_room},
          {std::string{kProcesses}, &FleetHost::processes},
          {fmt::format("{} - on (instance) {}", kProcesses, promised("items", "numproc")), &FleetHost::process_room}};
}

std::string label(const Series& series, const std::string& name) {
  const auto found = series.labels.find(name);
  return found == series.labels.end() ? "" : found->second;
}

/// One element of an instant vector: {"metric": {...}, "value": [time, "text"]}.
std::optional<Series> series_of(const Json& element) {
  if (!element.is_object() || !element.contains("metric") || !element.contains("value")) return std::nullopt;
  const Json& value = element["value"];
  if (!element["metric"].is_object() || !value.is_array() || value.size() != 2 || !value[1].is_string()) return std::nullopt;
  Series series;
  for (const auto& [key, text] : element["metric"].items()) {
    if (!text.is_string()) return std::nullopt;
    series.labels[key] = text.get<std::string>();
  }
  const std::string text = value[1].get<std::string>();
  char* end = nullptr;
  series.value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != 0) return std::nullopt;
  return series;
}

/// What stays free of the scarcer of both, with the guest on it.
double freedom(const FleetHost& host, const GuestSize& guest) {
  return std::min((*host.ram_room - static_cast<double>(guest.ram_bytes)) / *host.ram,
                  (*host.process_room - static_cast<double>(guest.numproc)) / *host.processes);
}

std::string count_text(const std::optional<double>& number) { return number ? fmt::format("{:.0f}", *number) : "-"; }
std::string bytes_text(const std::optional<double>& bytes) {
  if (!bytes) return "-";
  const std::string text = accounting::format_amount(accounting::Unit::bytes, static_cast<std::uint64_t>(std::abs(*bytes)));
  return *bytes < 0 ? "-" + text : text;
}

Json number_or_null(const std::optional<double>& number) { return number ? Json(std::llround(*number)) : Json(nullptr); }

}  // namespace

Result<std::vector<Series>> parse_reply(std::string_view text) {
  const Json reply = Json::parse(text, nullptr, false);
  const auto not_prometheus = [] {
    return os::error(Code::corrupt, "what answered is not the API of a Prometheus server: --prometheus takes its URL, without /api");
  };
  if (!reply.is_object() || !reply.contains("status")) return not_prometheus();
  if (reply["status"] == "error")
    return os::error(
        Code::bad_value, "Prometheus refused the query: {}",
        os::printable(reply.contains("error") && reply["error"].is_string() ? reply["error"].get<std::string>() : "no reason"));
  const Json vector = reply.value("/data/result"_json_pointer, Json{});
  if (reply["status"] != "success" || !vector.is_array()) return not_prometheus();
  std::vector<Series> all;
  for (const Json& element : vector) {
    auto series = series_of(element);
    if (!series) return not_prometheus();
    if (std::isfinite(series->value)) all.push_back(*std::move(series));
  }
  return all;
}

Result<std::vector<FleetHost>> ask_hosts(const Ask& ask) {
  std::map<std::string, FleetHost> hosts;
  for (const Series& series : UBC_TRY(ask("max by (instance) (up and on (instance, job) last_over_time(ubc_build_info[1d]))"))) {
    const std::string instance = label(series, "instance");
    hosts[instance].instance = instance;
    hosts[instance].up = series.value != 0;
  }
  for (const Series& series : UBC_TRY(ask("max by (instance) (ubc_host_capability{feature=\"enforce\"})")))
    if (const auto host = hosts.find(label(series, "instance")); host != hosts.end()) host->second.enforces = series.value != 0;
  for (const HostQuery& query : host_queries())
    for (const Series& series : UBC_TRY(ask(query.promql)))
      if (const auto host = hosts.find(label(series, "instance")); host != hosts.end()) host->second.*query.member = series.value;
  std::vector<FleetHost> all;
  for (auto& [instance, host] : hosts) {
    if (host.up && !host.refused) host.refused = 0;   // no container, no series
    all.push_back(std::move(host));
  }
  return all;
}

Result<std::vector<FleetRefusals>> ask_refusals(const Ask& ask, const std::string& window, std::uint64_t count) {
  UBC_TRY(check_window(window));
  std::map<std::pair<std::string, std::string>, std::string> names;
  for (const Series& series : UBC_TRY(ask("ubc_container_info")))
    names[{label(series, "instance"), label(series, "ctid")}] = label(series, "name");
  std::vector<FleetRefusals> all;
  const auto refused =
      UBC_TRY(ask(fmt::format("topk({}, sum by (instance, ctid, resource) (increase(ubc_failures_total[{}])) > 0)", count, window)));
  for (const Series& series : refused) {
    const std::string instance = label(series, "instance"), ctid = label(series, "ctid");
    const auto name = names.find({instance, ctid});   // a stopped one has none any more
    all.push_back({instance, ctid, name == names.end() ? "" : name->second, label(series, "resource"), series.value});
  }
  std::ranges::stable_sort(all, std::ranges::greater{}, &FleetRefusals::refused);
  return all;
}

Result<> check_window(const std::string& window) {
  const std::size_t digits = window.find_first_not_of("0123456789");
  const bool fine = digits != std::string::npos && digits > 0 && digits <= 4 && window[0] != '0' && digits + 1 == window.size() &&
                    std::string_view{"smhdw"}.contains(window[digits]);
  return fine ? Result<>{} : os::error(Code::bad_value, "--over {}: a time like 30m, 1h or 7d", window);
}

std::vector<FleetHost> places_for(const GuestSize& guest, const std::vector<FleetHost>& hosts) {
  std::vector<FleetHost> places;
  for (const FleetHost& host : hosts)
    if (host.up && host.enforces && host.ram.value_or(0) > 0 && host.ram_room && host.processes.value_or(0) > 0 && host.process_room &&
        freedom(host, guest) >= 0)
      places.push_back(host);
  std::ranges::stable_sort(places, std::ranges::greater{}, [&](const FleetHost& host) { return freedom(host, guest); });
  return places;
}

std::string table_of(const std::vector<FleetHost>& hosts) {
  std::string text = fmt::format("{:<32} {:<10} {:>7} {:>10} {:>9} {:>9} {:>9}\n", "HOST", "STATE", "RUNNING", "REFUSED/1H", "RAM",
                                 "RAM_ROOM", "PROC_ROOM");
  for (const FleetHost& host : hosts)
    text += fmt::format("{:<32} {:<10} {:>7} {:>10} {:>9} {:>9} {:>9}\n", os::printable(host.instance),
                        !host.up        ? "down"
                        : host.enforces ? "up"
                                        : "counts",
                        count_text(host.running), count_text(host.refused), bytes_text(host.ram), bytes_text(host.ram_room),
                        count_text(host.process_room));
  return text;
}

std::string table_of(const std::vector<FleetRefusals>& refusals) {
  std::string text = fmt::format("{:<32} {:>10} {:<20} {:<13} {:>10}\n", "HOST", "CTID", "NAME", "RESOURCE", "REFUSED");
  for (const FleetRefusals& each : refusals)
    text += fmt::format("{:<32} {:>10} {:<20} {:<13} {:>10.0f}\n", os::printable(each.instance), os::printable(each.ctid),
                        os::printable(each.name), os::printable(each.resource), each.refused);
  return text;
}

nlohmann::ordered_json json_of(const std::vector<FleetHost>& hosts) {
  auto all = nlohmann::ordered_json::array();
  for (const FleetHost& host : hosts)
    all.push_back({{"host", host.instance},
                   {"up", host.up},
                   {"enforces", host.enforces},
                   {"running", number_or_null(host.running)},
                   {"refused_1h", number_or_null(host.refused)},
                   {"ram_bytes", number_or_null(host.ram)},
                   {"ram_room_bytes", number_or_null(host.ram_room)},
                   {"processes", number_or_null(host.processes)},
                   {"process_room", number_or_null(host.process_room)}});
  return all;
}

nlohmann::ordered_json json_of(const std::vector<FleetRefusals>& refusals) {
  auto all = nlohmann::ordered_json::array();
  for (const FleetRefusals& each : refusals)
    all.push_back({{"host", each.instance},
                   {"ctid", each.ctid},
                   {"name", each.name},
                   {"resource", each.resource},
                   {"refused", std::llround(each.refused)}});
  return all;
}

}  // namespace ubc::cli

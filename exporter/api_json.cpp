// SPDX-License-Identifier: Apache-2.0
#include "exporter/api_json.h"

#include <cmath>

#include "container/refusal_json.h"
#include "container/usage_json.h"
#include "exporter/pressure.h"

namespace ubc::exporter {
namespace {

using accounting::Beancounter;
using accounting::Limit;
using accounting::ResourceInfo;

Json number_or_null(std::uint64_t amount) { return Limit::at(amount).is_unlimited() ? Json{} : Json(amount); }

const char* name_of(accounting::Unit unit) {
  switch (unit) {
    case accounting::Unit::items: return "items";
    case accounting::Unit::bytes: return "bytes";
    case accounting::Unit::pages: return "pages";
  }
  return "";
}

/// Four digits: a float's own would say more than it knows.
double rounded(double value) { return std::round(value * 10'000) / 10'000; }

Json row_of(const ResourceInfo& info, const Beancounter& counter) {
  const auto pressure = pressure_of(counter, info.resource);
  return {{"resource", std::string{info.name}},
          {"unit", name_of(info.unit)},
          {"held", counter.held},
          {"maxheld", counter.maxheld},
          {"barrier", number_or_null(counter.barrier)},
          {"limit", number_or_null(counter.limit)},
          {"failcnt", counter.failcnt},
          {"pressure", pressure ? Json(rounded(*pressure)) : Json{}}};
}

Json pair_of(const accounting::Limits& limits) {
  return {{"barrier", number_or_null(limits.barrier.raw())}, {"limit", number_or_null(limits.limit.raw())}};
}

struct Meaning {
  unsigned status;
  const char* name;
};
Meaning meaning_of(Code code) {
  switch (code) {
    case Code::bad_value: return {400, "bad_value"};
    case Code::not_found: return {404, "not_found"};
    case Code::exists: return {409, "exists"};
    case Code::busy: return {409, "busy"};
    case Code::denied: return {403, "denied"};
    case Code::unsupported: return {501, "unsupported"};
    case Code::no_resources: return {503, "no_resources"};
    case Code::bad_state: return {409, "bad_state"};
    case Code::corrupt: return {500, "corrupt"};
    case Code::system: return {500, "system"};
  }
  return {500, "system"};
}

}  // namespace

Json summary_of(const ContainerReading& container, bool running) {
  const auto nearest = running ? pressure_of(container) : std::nullopt;
  const ResourceInfo* info = nearest ? accounting::info_of(nearest->resource) : nullptr;
  return {{"id", container.id},
          {"name", container.name},
          {"hostname", container.hostname},
          {"ostemplate", container.ostemplate},
          {"kind", container.adopted ? "adopted" : "guest"},
          {"state", running ? "running" : "stopped"},
          {"mode", container.counters.is_vswap() ? "vswap" : "classic"},
          {"cgroup", container.cgroup},
          {"started_at", container.started_at ? Json(*container.started_at) : Json{}},
          {"counted_by_hooks", container.counted_by_hooks},
          {"pressure", info != nullptr ? Json{{"resource", std::string{info->name}}, {"value", rounded(nearest->value)}} : Json{}},
          {"failures", failures_of(container)}};
}

Json details_of(const ContainerReading& container, bool running) {
  Json details = summary_of(container, running);
  Json rows = Json::array();
  for (const ResourceInfo& info : accounting::kResources)
    if (is_known(container, info) || !running) rows.push_back(row_of(info, container.counters.of(info.resource)));
  details["beancounters"] = std::move(rows);
  return details;
}

Json usage_of(const Moment& at, const std::vector<accounting::UsageRow>& rows) {
  Json array = Json::array();
  for (const accounting::UsageRow& row : rows) {
    Json one{{"name", row.name}, {"unit", accounting::name_of(row.unit)}};
    one.update(container::json_of(row));
    array.push_back(std::move(one));
  }
  return {{"at", at.steady}, {"rows", std::move(array)}};
}

Json points_of(const History::Points& points) {
  Json array = Json::array();
  for (const float point : points) array.push_back(std::isnan(point) ? Json{} : Json(rounded(static_cast<double>(point))));
  return array;
}

Json history_of(const std::vector<std::int64_t>& times, const History::Track& track) {
  Json held = Json::object();
  for (const auto& [resource, points] : track.held) held[std::string{accounting::info_of(resource)->name}] = points_of(points);
  Json usage = Json::object();
  for (const auto& [name, points] : track.usage) usage[std::string{name}] = points_of(points);
  return {{"interval_seconds", History::kInterval.count()}, {"times", times},          {"pressure", points_of(track.pressure)},
          {"failures", points_of(track.failures)},          {"held", std::move(held)}, {"usage", std::move(usage)}};
}

Json refusal_of(const container::Refusal& refusal) {
  Json json = container::json_of(refusal);
  const bool curable = refusal.id != 0 && accounting::info_of(refusal.resource) != nullptr;
  json["cure"] = curable
                     ? Json{{"limits", accounting::format_pair(container::cure_for(refusal))}, {"command", container::cure_line(refusal)}}
                     : Json{};
  return json;
}

Json change_of(const container::LimitChange& change) {
  const ResourceInfo& info = *accounting::info_of(change.resource);
  return {{"resource", std::string{info.name}}, {"unit", name_of(info.unit)},     {"held", change.held},
          {"before", pair_of(change.before)},   {"after", pair_of(change.after)}, {"effect", container::effect_of(change)}};
}

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Reply json_reply(const Json& json, unsigned status) { return {status, "application/json", text_of(json) + "\n"}; }

Reply error_reply(unsigned status, std::string_view code, std::string_view message) {
  return json_reply({{"error", {{"code", std::string{code}}, {"message", std::string{message}}}}}, status);
}

Reply error_reply(const Error& error) {
  const Meaning meaning = meaning_of(error.code);
  return error_reply(meaning.status, meaning.name, error.message);
}

}  // namespace ubc::exporter

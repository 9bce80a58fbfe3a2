// SPDX-License-Identifier: Apache-2.0
#include "exporter/api.h"

#include <algorithm>
#include <iterator>

#include "exporter/api_json.h"
#include "exporter/assets.h"
#include "exporter/limit_wish.h"
#include "exporter/pressure.h"
#include "os/text_file.h"

namespace ubc::exporter {
namespace {

constexpr std::size_t kMostRefusals = 200;

/// What follows NAME= in the query; empty where it is not there.
std::string_view parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view one = query.substr(0, end);
    if (one.starts_with(name) && one.substr(name.size()).starts_with('=')) return one.substr(name.size() + 1);
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return {};
}

/// Matches "/api/v1/containers/101/limits" with ".../{id}/limits"; what stood for {id}, which may be empty only where there is none.
std::optional<std::string_view> match(std::string_view path, std::string_view pattern) {
  const std::size_t at = pattern.find("{id}");
  if (at == std::string_view::npos) return path == pattern ? std::optional{std::string_view{}} : std::nullopt;
  const std::string_view tail = pattern.substr(at + 4);
  if (!path.starts_with(pattern.substr(0, at)) || !path.ends_with(tail) || path.size() < at + tail.size() + 1) return std::nullopt;
  const std::string_view id = path.substr(at, path.size() - at - tail.size());
  return id.find('/') == std::string_view::npos ? std::optional{id} : std::nullopt;
}

Json failures_json(const std::vector<Error>& failures) {
  Json array = Json::array();
  for (const Error& failure : failures) array.push_back(os::printable(failure.message));
  return array;
}

}  // namespace

std::span<const Api::Route> Api::routes() {
  using enum Role;
  static constexpr Route kRoutes[] = {
      {"GET", kSession, read, &Api::session},
      {"GET", "/api/v1/host", read, &Api::host},
      {"GET", "/api/v1/containers", read, &Api::containers},
      {"GET", "/api/v1/containers/{id}", read, &Api::container},
      {"GET", "/api/v1/containers/{id}/history", read, &Api::history},
      {"GET", "/api/v1/containers/{id}/usage", read, &Api::usage},
      {"GET", "/api/v1/containers/{id}/refusals", read, &Api::refusals},
      {"PATCH", "/api/v1/containers/{id}/limits", admin, &Api::set_limits},
      {"POST", "/api/v1/containers/{id}/start", admin, &Api::start},
      {"POST", "/api/v1/containers/{id}/stop", admin, &Api::stop},
      {"POST", "/api/v1/containers/{id}/restart", admin, &Api::restart},
      {"GET", "/api/v1/refusals", read, &Api::all_refusals},
      {"GET", "/api/v1/events", read, &Api::events},
      {"GET", "/api/v1/openapi.json", read, &Api::openapi},
  };
  return kRoutes;
}

void Api::answer(const Request& request, const Identity& who, const Done& done) {
  std::string allowed;
  for (const Route& route : routes()) {
    const auto id = match(request.path, route.path);
    if (!id) continue;
    const bool is_it = request.method == route.method || (request.method == "HEAD" && route.method == "GET");
    allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", route.method);
    if (!is_it) continue;
    if (route.role == Role::admin && !options_.admin)
      return done(error_reply(403, "read_only", "this ubcd only reads: it takes changes when it is started with --admin"));
    if (route.role == Role::admin && who.role != Role::admin) {
      options_.audit(fmt::format("{} ({}, {}) {} {}: refused: not an admin", who.name, name_of(who.role), request.peer, request.method,
                                 os::printable(request.path)));
      return done(error_reply(403, "denied", fmt::format("{} may only read: changes are for admins", who.name)));
    }
    return (this->*route.handler)({request, who, *id}, done);
  }
  if (allowed.empty()) return done(error_reply(404, "not_found", "there is nothing here: /api/v1/openapi.json says what there is"));
  Reply reply = error_reply(405, "bad_method", fmt::format("only {}", allowed));
  reply.headers["Allow"] = allowed;
  done(std::move(reply));
}

Reply Api::no_session(std::string_view why) { return json_reply({{"you", Json{}}, {"why", std::string{why}}}); }

void Api::session(const Call& call, const Done& done) { done(json_reply({{"you", you(call.who)}, {"why", ""}})); }

Json Api::you(const Identity& who) const {
  return {{"name", who.name}, {"role", name_of(who.role)}, {"may_change", options_.admin && who.role == Role::admin}};
}

void Api::host(const Call& call, const Done& done) {
  const AboutHost about = world_.about();
  const WorldReading reading = world_.read();
  const auto& hooks = reading.host.hooks;
  std::uint64_t losses = 0;
  if (hooks)
    for (const auto loss : hooks->health.losses) losses += loss;
  done(json_reply({{"hostname", about.hostname},
                   {"kernel", about.kernel},
                   {"cpus", about.cpus},
                   {"memory_bytes", about.memory_bytes},
                   {"version", options_.version},
                   {"running", reading.host.running.size()},
                   {"stopped", reading.stopped.size()},
                   {"hooks_attached", hooks.has_value()},
                   {"losses", losses},
                   {"unreadable", failures_json(reading.host.failures)},
                   {"you", you(call.who)}}));
}

void Api::containers(const Call& call, const Done& done) {
  const bool short_form = parameter(call.request.query, "view") == "summary";
  const WorldReading reading = world_.read();
  Json list = Json::array();
  const auto add = [&](const ContainerReading& container, bool running) {
    Json one = short_form ? summary_of(container, running) : details_of(container, running);
    if (short_form) one["trend"] = points_of(live_.history().pressure_of(container.id));
    list.push_back(std::move(one));
  };
  for (const ContainerReading& container : reading.host.running) add(container, true);
  for (const ContainerReading& container : reading.stopped) add(container, false);
  done(json_reply({{"containers", std::move(list)}, {"unreadable", failures_json(reading.host.failures)}}));
}

void Api::container(const Call& call, const Done& done) {
  const WorldReading reading = world_.read();
  const auto found = find_in(reading, call.id);
  done(found ? json_reply(details_of(found->container, found->running)) : error_reply(found.error()));
}

void Api::history(const Call& call, const Done& done) {
  const WorldReading reading = world_.read();
  const auto found = find_in(reading, call.id);
  done(found ? json_reply(history_of(live_.history().times(Moment::now()), live_.history().of(found->container.id)))
             : error_reply(found.error()));
}

void Api::usage(const Call& call, const Done& done) {
  const WorldReading reading = world_.read();
  const auto found = find_in(reading, call.id);
  if (!found) return done(error_reply(found.error()));
  const auto rows = world_.usage(found->container.id);
  done(rows ? json_reply(usage_of(Moment::now(), *rows)) : error_reply(rows.error()));
}

void Api::refusals(const Call& call, const Done& done) {
  const WorldReading reading = world_.read();
  const auto found = find_in(reading, call.id);
  if (!found) return done(error_reply(found.error()));
  Json list = Json::array(), unnamed = Json::array();
  const auto last = world_.last_refusals(found->container.id);
  for (const container::Refusal& refusal : last) list.push_back(refusal_of(refusal));
  // What no hook refused but the kernel did (physpages, swappages): it names no program.
  for (const accounting::ResourceInfo& info : accounting::kResources) {
    const std::uint64_t failcnt = found->container.counters.of(info.resource).failcnt;
    const bool told = std::ranges::find(last, info.resource, &container::Refusal::resource) != last.end();
    if (is_known(found->container, info) && failcnt != 0 && !told)
      unnamed.push_back({{"resource", std::string{info.name}}, {"failcnt", failcnt}});
  }
  done(json_reply({{"refusals", std::move(list)}, {"by_the_kernel", std::move(unnamed)}}));
}

void Api::all_refusals(const Call& /*call*/, const Done& done) {
  RefusalNews news = world_.refusals_since(0);
  std::ranges::reverse(news.refusals);
  if (news.refusals.size() > kMostRefusals) news.refusals.resize(kMostRefusals);
  Json list = Json::array();
  for (const container::Refusal& refusal : news.refusals) list.push_back(refusal_of(refusal));
  done(json_reply({{"refusals", std::move(list)}}));
}

void Api::events(const Call& call, const Done& done) {
  std::uint32_t watched = 0;
  if (const std::string_view wanted = parameter(call.request.query, "container"); !wanted.empty()) {
    const WorldReading reading = world_.read();
    const auto found = find_in(reading, wanted);
    if (!found) return done(error_reply(found.error()));
    watched = found->container.id;
  }
  auto stream = live_.subscribe(watched);
  if (!stream) {
    Reply reply = error_reply(503, "no_resources", "as many as may listen do so already: come again later");
    reply.headers["Retry-After"] = "10";
    return done(std::move(reply));
  }
  done({200, "text/event-stream", "retry: 3000\n\n", {}, std::move(stream)});
}

void Api::openapi(const Call& /*call*/, const Done& done) { done({200, "application/json", std::string{asset("openapi.json")->text}}); }

}  // namespace ubc::exporter

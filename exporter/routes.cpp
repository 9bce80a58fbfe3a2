// SPDX-License-Identifier: Apache-2.0
#include "exporter/routes.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "exporter/gzip.h"
#include "exporter/negotiation.h"
#include "os/text_file.h"

namespace ubc::exporter {
namespace {

/// Below this a reply is one packet, packed or not.
constexpr std::size_t kWorthPacking = 1024;
constexpr std::string_view kCadvisor = "/metrics/cadvisor";

Reply complain(const Error& error) { return {400, "text/plain; charset=utf-8", error.message + "\n"}; }

struct Wanted {
  CollectorSet collectors;
  std::vector<std::string> names;
};

/// Fails with Code::bad_value where a collector is none.
Result<Wanted> parse_wanted(const std::string& query) {
  Wanted wanted;
  bool named = false;
  for (auto& [key, value] : UBC_TRY(parse_query(query))) {
    if (key == "name[]") wanted.names.push_back(std::move(value));
    if (key != "collect[]") continue;
    const auto* const found = std::ranges::find(kCollectors, value, &CollectorInfo::name);
    if (found == kCollectors.end())
      return os::error(Code::bad_value, "collect {}: there is no such collector: see ubcd --help", os::printable(value));
    wanted.collectors.set(found->collector, true);
    named = true;
  }
  if (!named) wanted.collectors = CollectorSet::all();
  return wanted;
}

/// What `write` writes, in the form and coding that the client likes best; 404 where it has nothing to write.
Reply exposition(const Request& request, const std::vector<std::string>& names, std::size_t& usual_bytes,
                 const std::function<bool(Exposition&)>& write) {
  const Format format = format_for(request.header("accept"));
  Reply reply{200, std::string{content_type_of(format)}, {}, {{"Vary", "Accept, Accept-Encoding"}}};
  reply.body.reserve(usual_bytes);
  Exposition out{reply.body, format, names};
  if (!write(out)) return {404, "text/plain; charset=utf-8", "this ubcd was started without it: --collector.cadvisor\n"};
  out.end();
  const std::size_t bytes = reply.body.size();
  usual_bytes = std::max(bytes + bytes / 8, usual_bytes - usual_bytes / 8);
  if (reply.body.size() < kWorthPacking || !accepts_gzip(request.header("accept-encoding"))) return reply;
  if (auto packed = gzip(reply.body)) {
    reply.body = *std::move(packed);
    reply.headers.emplace("Content-Encoding", "gzip");
  }
  return reply;
}

Reply metrics(const Request& request, const Served& served) {
  const auto wanted = parse_wanted(request.query);
  if (!wanted) return complain(wanted.error());
  if (request.path == kCadvisor) return exposition(request, wanted->names, served.usual_cadvisor_bytes, served.cadvisor);
  return exposition(request, wanted->names, served.usual_bytes, [&](Exposition& out) {
    served.books(wanted->collectors, out);
    return true;
  });
}

/// Of no fleet an empty list: Prometheus then forgets whom it knew.
Reply targets(const std::vector<std::string>& fleet) {
  nlohmann::json groups = nlohmann::json::array();
  if (!fleet.empty()) groups.push_back({{"targets", fleet}, {"labels", nlohmann::json::object()}});
  return {200, "application/json", groups.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"};
}

}  // namespace

Reply answer(const Request& request, const Served& served) {
  if (request.path == "/metrics" || request.path == kCadvisor) return metrics(request, served);
  if (request.path == "/sd") return targets(served.fleet);
  return {404, "text/plain; charset=utf-8", "there is only /, /metrics, /sd and /api/v1/openapi.json\n"};
}

}  // namespace ubc::exporter

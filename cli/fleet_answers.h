// SPDX-License-Identifier: Apache-2.0
// What a Prometheus server that scrapes many ubcd says of all their hosts: its replies in, hosts and refusals out. (Pure.)
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/result.h"

namespace ubc::cli {

struct Series {
  std::map<std::string, std::string> labels;
  double value = 0;
};

/// Of a reply of /api/v1/query that has an instant vector. Fails with Code::bad_value and what Prometheus says where it refused the query,
/// with Code::corrupt where this is no such reply.
[[nodiscard]] Result<std::vector<Series>> parse_reply(std::string_view text);

/// Asks the server one question in PromQL.
using Ask = std::function<Result<std::vector<Series>>(const std::string& promql)>;

struct FleetHost {
  std::string instance;
  bool up = false;                       ///< the last scrape found it
  bool enforces = false;                 ///< it refuses all that it should (ubctl features)
  std::optional<double> running;         ///< containers
  std::optional<double> refused;         ///< in the last hour, of all resources
  std::optional<double> ram, ram_room;   ///< bytes; room: promised to no container
  std::optional<double> processes, process_room;
};
/// All that were seen within a day, by name.
[[nodiscard]] Result<std::vector<FleetHost>> ask_hosts(const Ask& ask);

struct FleetRefusals {
  std::string instance, ctid, name, resource;
  double refused = 0;
};
/// Most refused first. `window` in PromQL's words: "1h".
[[nodiscard]] Result<std::vector<FleetRefusals>> ask_refusals(const Ask& ask, const std::string& window, std::uint64_t count);
/// Fails with Code::bad_value.
[[nodiscard]] Result<> check_window(const std::string& window);

struct GuestSize {
  std::uint64_t numproc = 0, ram_bytes = 0;
};
/// Those that are up, enforce and have room for it; first who keeps most of itself free.
[[nodiscard]] std::vector<FleetHost> places_for(const GuestSize& guest, const std::vector<FleetHost>& hosts);

[[nodiscard]] std::string table_of(const std::vector<FleetHost>& hosts);
[[nodiscard]] std::string table_of(const std::vector<FleetRefusals>& refusals);
[[nodiscard]] nlohmann::ordered_json json_of(const std::vector<FleetHost>& hosts);
[[nodiscard]] nlohmann::ordered_json json_of(const std::vector<FleetRefusals>& refusals);

}  // namespace ubc::cli

// SPDX-License-Identifier: Apache-2.0
// What the API says, as JSON: amounts in the resource's unit, null where there is none or no limit. Pure; openapi.json describes it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "container/limit_change.h"
#include "container/refusals.h"
#include "exporter/history.h"
#include "exporter/http.h"
#include "exporter/world.h"

namespace ubc::exporter {

using Json = nlohmann::ordered_json;

/// A container without its rows: who it is, what it is nearest to, how often it was refused.
[[nodiscard]] Json summary_of(const ContainerReading& container, bool running);
/// That and "beancounters": a row for each resource that is counted there, in the table's order.
[[nodiscard]] Json details_of(const ContainerReading& container, bool running);
/// The hour: "times", "pressure", "failures", "held" by resource, "usage" by row; null where it did not run.
[[nodiscard]] Json history_of(const std::vector<std::int64_t>& times, const History::Track& track);
/// "at", by the clock that only rises, and "rows": what it uses besides its beancounters. Of two of them: how much in a second.
[[nodiscard]] Json usage_of(const Moment& at, const std::vector<accounting::UsageRow>& rows);
[[nodiscard]] Json points_of(const History::Points& points);
/// container::json_of(), and the numbers that would have let it pass.
[[nodiscard]] Json refusal_of(const container::Refusal& refusal);
[[nodiscard]] Json change_of(const container::LimitChange& change);

/// Bytes that are no UTF-8 become U+FFFD: a host name may hold anything.
[[nodiscard]] std::string text_of(const Json& json);
[[nodiscard]] Reply json_reply(const Json& json, unsigned status = 200);
/// {"error": {"code", "message"}}, with the status that fits the code.
[[nodiscard]] Reply error_reply(const Error& error);
[[nodiscard]] Reply error_reply(unsigned status, std::string_view code, std::string_view message);

}  // namespace ubc::exporter

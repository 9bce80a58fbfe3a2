// SPDX-License-Identifier: Apache-2.0
// What a client asks for besides the path: the query's parameters, the format (Accept), the coding (Accept-Encoding). Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/exposition.h"
#include "os/result.h"

namespace ubc::exporter {

/// "name[]=a&x=%41+b" → {name[], a}, {x, A b}; in the order given. Fails with Code::bad_value where a % is not followed by two digits, or
/// they make a NUL.
using Query = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] Result<Query> parse_query(std::string_view text);

/// OpenMetrics where the client likes it better than text, by q and then by how exactly it is named; text for whoever says nothing.
[[nodiscard]] Format format_for(std::string_view accept);
/// Whether gzip is named, or everything is, with a q above 0.
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding);

}  // namespace ubc::exporter

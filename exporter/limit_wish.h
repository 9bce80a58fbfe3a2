// SPDX-License-Identifier: Apache-2.0
// What a PATCH of limits asks for. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accounting/limits.h"
#include "os/result.h"

namespace ubc::exporter {

struct LimitWish {
  accounting::AllLimits limits;
  bool save = false;      ///< in the container's configuration, too
  bool dry_run = false;
};

/// Of {"limits": {"numproc": "100:120"}, "save": true, "dry_run": false}; the texts are ubctl set's. Fails with Code::bad_value: no JSON, a
/// key that is none, nothing to set.
[[nodiscard]] Result<LimitWish> parse_wish(std::string_view body);
/// What `ubctl set` is told besides the container: "--numproc", "100:120", "--save".
[[nodiscard]] std::vector<std::string> arguments_for(const LimitWish& wish);

/// {"fast": true} of a stop or restart; an empty body is {}. Fails with Code::bad_value.
[[nodiscard]] Result<bool> parse_fast(std::string_view body);

}  // namespace ubc::exporter

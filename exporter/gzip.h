// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "os/result.h"

namespace ubc::exporter {

/// The text as a gzip member, packed the fastest way: a scrape crosses a loopback or a rack, and is read once. Fails with
/// Code::no_resources.
[[nodiscard]] Result<std::string> gzip(std::string_view text);

}  // namespace ubc::exporter

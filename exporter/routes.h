// SPDX-License-Identifier: Apache-2.0
// Which path answers what.
#pragma once

#include <prometheus/collectable.h>

#include "exporter/http.h"

namespace ubc::exporter {

/// "/" is a landing page, "/metrics" what `books` collects now, in Prometheus' text form; 404 else.
[[nodiscard]] Reply answer(const Request& request, const prometheus::Collectable& books);

}  // namespace ubc::exporter

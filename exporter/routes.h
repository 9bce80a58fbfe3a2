// SPDX-License-Identifier: Apache-2.0
// Which path answers what.
#pragma once

#include <functional>

#include "exporter/collectors.h"
#include "exporter/exposition.h"
#include "exporter/http.h"

namespace ubc::exporter {

/// Reads what these collectors read, now, and writes its families.
using Books = std::function<void(const CollectorSet&, Exposition&)>;

/// "/" is a landing page; "/metrics" what `books` has now, in the form and coding that the client likes best, of it only the families that
/// ?name[]= and the collectors that ?collect[]= name; 404 else.
[[nodiscard]] Reply answer(const Request& request, const Books& books);

}  // namespace ubc::exporter

// SPDX-License-Identifier: Apache-2.0
// Which path answers what.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "exporter/collectors.h"
#include "exporter/exposition.h"
#include "exporter/http.h"

namespace ubc::exporter {

/// What is served.
struct Served {
  /// Reads what these collectors read, now, and writes its families.
  std::function<void(const CollectorSet&, Exposition&)> books;
  /// The same by cAdvisor's names; false, and nothing written, where that is off.
  std::function<bool(Exposition&)> cadvisor;
  const std::vector<std::string>& fleet;   ///< "HOST:PORT" of each ubcd that Prometheus is to scrape
  mutable std::size_t usual_bytes = 0;   ///< of the last reply with metrics: the next one has room for it from the start
  mutable std::size_t usual_cadvisor_bytes = 0;
};

/// What is neither console nor API (site.h): "/metrics" is what `books` writes now, in the form and coding that the client likes best, of
/// it only the families that ?name[]= and the collectors that ?collect[]= name; "/metrics/cadvisor" likewise; "/sd" the fleet, as
/// Prometheus' http_sd_configs take it; 404 else.
[[nodiscard]] Reply answer(const Request& request, const Served& served);

}  // namespace ubc::exporter

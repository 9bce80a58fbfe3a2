// SPDX-License-Identifier: Apache-2.0
#include "exporter/routes.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace ubc::exporter {
namespace {

constexpr const char* kLanding =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>ubcd</title>"
    "<h1>ubcd</h1><p>The user beancounters of this host's containers. <a href=\"/metrics\">Metrics</a></html>\n";

}  // namespace

Reply answer(const Request& request, const prometheus::Collectable& books) {
  if (request.path == "/") return {200, "text/html; charset=utf-8", kLanding};
  if (request.path == "/metrics")
    return {200, "text/plain; version=0.0.4; charset=utf-8", prometheus::TextSerializer{}.Serialize(books.Collect())};
  return {404, "text/plain; charset=utf-8", "there is only / and /metrics\n"};
}

}  // namespace ubc::exporter

// SPDX-License-Identifier: Apache-2.0
#include "tests/support/library_families.h"

#include <algorithm>
#include <string>
#include <utility>

#include "bpf/ledger.h"

namespace ubc::test {
namespace {

using accounting::Beancounter;
using accounting::ResourceInfo;
using exporter::ContainerReading;
using exporter::HostReading;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

bool is_served(const ContainerReading& container, const ResourceInfo& info) {
  const bool sampled = std::ranges::find(bpf::kSampledResources, info.resource) != std::end(bpf::kSampledResources);
  return container.counted_by_hooks || sampled;
}

void add(MetricFamily& family, const ContainerReading& container, const ResourceInfo& info, double value) {
  ClientMetric metric;
  metric.label = {{"ctid", std::to_string(container.id)}, {"resource", std::string{info.name}}};
  (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  family.metric.push_back(std::move(metric));
}

MetricFamily part_of(const HostReading& host, const std::string& name, const std::string& help, std::uint64_t Beancounter::* member,
                     bool items) {
  MetricFamily family{"ubc_" + name + (items ? "_items" : "_bytes"), help, MetricType::Gauge, {}};
  for (const ContainerReading& container : host.running)
    for (const ResourceInfo& info : accounting::kResources) {
      const std::uint64_t amount = container.counters.of(info.resource).*member;
      if ((info.unit == accounting::Unit::items) == items && is_served(container, info) && amount != UBC_UNLIMITED)
        add(family, container, info, static_cast<double>(amount) * (info.unit == accounting::Unit::pages ? 4096 : 1));
    }
  return family;
}

}  // namespace

std::vector<MetricFamily> library_families(const HostReading& host) {
  std::vector<MetricFamily> families;
  for (const bool items : {true, false})
    families.push_back(part_of(host, "held", "What the container holds of the resource now", &Beancounter::held, items));
  for (const bool items : {true, false})
    families.push_back(part_of(host, "maxheld", "The most that it has held since its start", &Beancounter::maxheld, items));
  for (const bool items : {true, false})
    families.push_back(part_of(host, "barrier", "Above it most charges are refused; no series: unlimited", &Beancounter::barrier, items));
  for (const bool items : {true, false})
    families.push_back(part_of(host, "limit", "Above it every charge is refused; no series: unlimited", &Beancounter::limit, items));
  MetricFamily failures{"ubc_failures_total", "Charges that were refused since the container's start (failcnt)", MetricType::Counter, {}};
  for (const ContainerReading& container : host.running)
    for (const ResourceInfo& info : accounting::kResources)
      if (is_served(container, info)) add(failures, container, info, static_cast<double>(container.counters.of(info.resource).failcnt));
  families.push_back(std::move(failures));
  std::erase_if(families, [](const MetricFamily& family) { return family.metric.empty(); });
  return families;
}

HostReading crowded_host(std::size_t containers) {
  HostReading host;
  for (std::size_t c = 0; c < containers; ++c) {
    ContainerReading container;
    container.id = static_cast<std::uint32_t>(101 + c);
    container.counted_by_hooks = true;
    for (const ResourceInfo& info : accounting::kResources) {
      const std::uint64_t seed = 1 + c * 7919 + info.resource * 131;
      container.counters.of(info.resource) = {
          .held = seed, .maxheld = seed * 3, .barrier = seed * 5, .limit = seed * 7, .failcnt = seed % 11};
    }
    host.running.push_back(std::move(container));
  }
  return host;
}

}  // namespace ubc::test

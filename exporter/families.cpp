// SPDX-License-Identifier: Apache-2.0
#include "exporter/families.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <string>
#include <utility>

#include "bpf/ledger.h"

namespace ubc::exporter {
namespace {

using accounting::Beancounter;
using accounting::ResourceInfo;
using accounting::Unit;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;
using Families = std::vector<MetricFamily>;

/// By enum ubc_loss.
constexpr const char* kLossReasons[] = {"object_table_full", "object_refused",  "refusal_not_logged", "uncharge_too_much",
                                        "free_missed",       "refusal_skipped", "accept_over",        "cgroup_unmapped"};
static_assert(std::size(kLossReasons) == UBC_LOSSES);

void add(MetricFamily& family, Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  family.metric.push_back(std::move(metric));
}

MetricFamily one(const char* name, const char* help, MetricType type, double value, Labels labels = {}) {
  MetricFamily family{name, help, type, {}};
  add(family, std::move(labels), value);
  return family;
}

/// held, maxheld, barrier, limit, each once in items and once in bytes.
struct Part {
  const char* name;
  const char* help;
  std::uint64_t Beancounter::* member;
};
constexpr Part kParts[] = {
    {"held", "What the container holds of the resource now", &Beancounter::held},
    {"maxheld", "The most that it has held since its start", &Beancounter::maxheld},
    {"barrier", "Above it most charges are refused; no series: unlimited", &Beancounter::barrier},
    {"limit", "Above it every charge is refused; no series: unlimited", &Beancounter::limit},
};

double in_base_unit(const ResourceInfo& info, std::uint64_t amount) {
  return static_cast<double>(amount) * (info.unit == Unit::pages ? static_cast<double>(accounting::kPageSize) : 1);
}

/// Whether the number means something: without hooks only the memory controller counts.
bool is_known(const ContainerReading& container, const ResourceInfo& info) {
  return info.counted &&
         (container.counted_by_hooks || std::ranges::find(bpf::kSampledResources, info.resource) != std::end(bpf::kSampledResources));
}

Labels labels_of(const ContainerReading& container, const ResourceInfo& info) {
  return {{"ctid", std::to_string(container.id)}, {"resource", std::string{info.name}}};
}

void add_part(Families& families, const HostReading& host, const Part& part, bool items) {
  MetricFamily family{fmt::format("ubc_{}_{}", part.name, items ? "items" : "bytes"), part.help, MetricType::Gauge, {}};
  for (const ContainerReading& container : host.running)
    for (const ResourceInfo& info : accounting::kResources) {
      const std::uint64_t amount = container.counters.of(info.resource).*part.member;
      if ((info.unit == Unit::items) == items && is_known(container, info) && !accounting::Limit::at(amount).is_unlimited())
        add(family, labels_of(container, info), in_base_unit(info, amount));
    }
  families.push_back(std::move(family));
}

void add_failures(Families& families, const HostReading& host) {
  MetricFamily family{"ubc_failures_total", "Charges that were refused since the container's start (failcnt)", MetricType::Counter, {}};
  for (const ContainerReading& container : host.running)
    for (const ResourceInfo& info : accounting::kResources)
      if (is_known(container, info))
        add(family, labels_of(container, info), static_cast<double>(container.counters.of(info.resource).failcnt));
  families.push_back(std::move(family));
}

/// Names live here only, so that a rename breaks no series.
void add_containers(Families& families, const HostReading& host) {
  MetricFamily info{"ubc_container_info", "A running container; join its name by ctid", MetricType::Gauge, {}};
  MetricFamily started{"ubc_container_start_time_seconds", "When it was started, in seconds since the epoch", MetricType::Gauge, {}};
  for (const ContainerReading& container : host.running) {
    const std::string id = std::to_string(container.id);
    add(info,
        {{"ctid", id},
         {"name", container.name},
         {"mode", container.counters.is_vswap() ? "vswap" : "classic"},
         {"kind", container.adopted ? "adopted" : "guest"},
         {"hostname", container.hostname},
         {"ostemplate", container.ostemplate},
         {"cgroup", container.cgroup}},
        1);
    if (container.started_at) add(started, {{"ctid", id}}, static_cast<double>(*container.started_at));
  }
  families.push_back(std::move(info));
  families.push_back(std::move(started));
  MetricFamily states{"ubc_containers", "Containers of this host by state", MetricType::Gauge, {}};
  add(states, {{"state", "running"}}, static_cast<double>(host.running.size()));
  add(states, {{"state", "stopped"}}, static_cast<double>(host.stopped));
  families.push_back(std::move(states));
}

void add_hooks(Families& families, const HostReading& host) {
  families.push_back(one("ubc_hooks_attached", "1: hooks count and refuse on this host", MetricType::Gauge, host.hooks ? 1 : 0));
  if (!host.hooks) return;
  MetricFamily losses{"ubc_losses_total", "What the hooks could not count or report, by reason", MetricType::Counter, {}};
  for (std::size_t i = 0; i < std::size(kLossReasons); ++i)
    add(losses, {{"reason", kLossReasons[i]}}, static_cast<double>(host.hooks->health.losses[i]));
  families.push_back(std::move(losses));
  families.push_back(one("ubc_overflow_records", "Charged objects in the hash map beside the object table", MetricType::Gauge,
                         static_cast<double>(host.hooks->health.overflow_records)));
  MetricFamily missed{"ubc_bpf_program_missed_total", "Times that the kernel skipped a program", MetricType::Counter, {}};
  for (const bpf::HookStatus& hook : host.hooks->programs)
    add(missed, {{"program", hook.program}}, static_cast<double>(hook.recursion_misses));
  families.push_back(std::move(missed));
}

void add_own(Families& families, const OwnReading& own) {
  using enum MetricType;
  const OwnProcess& process = own.process;
  families.push_back(
      one("ubc_build_info", "This ubcd and the kernel under it", Gauge, 1, {{"version", UBC_VERSION}, {"kernel", own.kernel}}));
  families.push_back(one("ubc_collector_duration_seconds", "How long this scrape read", Gauge, own.read_seconds, {{"collector", "host"}}));
  families.push_back(one("ubc_read_failures_total", "What could not be read since ubcd's start; its log says why", Counter,
                         static_cast<double>(own.read_failures)));
  families.push_back(one("ubc_http_requests_total", "Requests that were answered", Counter, static_cast<double>(own.requests)));
  families.push_back(
      one("ubc_http_connections_refused_total", "Connections over the cap", Counter, static_cast<double>(own.connections_refused)));
  families.push_back(one("process_cpu_seconds_total", "CPU time of ubcd, user and system", Counter, process.cpu_seconds));
  families.push_back(one("process_start_time_seconds", "When ubcd was started, in seconds since the epoch", Gauge, process.started_at));
  families.push_back(one("process_resident_memory_bytes", "Resident memory of ubcd", Gauge, static_cast<double>(process.resident_bytes)));
  families.push_back(one("process_virtual_memory_bytes", "Virtual memory of ubcd", Gauge, static_cast<double>(process.virtual_bytes)));
  families.push_back(one("process_open_fds", "Open file descriptors of ubcd", Gauge, static_cast<double>(process.open_files)));
  families.push_back(one("process_max_fds", "Most that it may open", Gauge, static_cast<double>(process.max_files)));
}

}  // namespace

Families families_of(const HostReading& host, const OwnReading& own) {
  Families families;
  add_containers(families, host);
  for (const Part& part : kParts)
    for (const bool items : {true, false}) add_part(families, host, part, items);
  add_failures(families, host);
  add_hooks(families, host);
  add_own(families, own);
  std::erase_if(families, [](const MetricFamily& family) { return family.metric.empty(); });
  return families;
}

}  // namespace ubc::exporter

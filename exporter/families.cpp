// SPDX-License-Identifier: Apache-2.0
#include "exporter/families.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "bpf/ledger.h"
#include "os/text_file.h"

namespace ubc::exporter {
namespace {

using accounting::Beancounter;
using accounting::kResources;
using accounting::ResourceInfo;
using accounting::Unit;
using enum Kind;

/// By enum ubc_loss.
constexpr const char* kLossReasons[] = {"object_table_full", "object_refused",  "refusal_not_logged", "uncharge_too_much",
                                        "free_missed",       "refusal_skipped", "accept_over",        "cgroup_unmapped"};
static_assert(std::size(kLossReasons) == UBC_LOSSES);

/// held, maxheld, barrier, limit, each once in items and once in bytes.
struct Part {
  std::string_view in_items, in_bytes;
  std::string_view help;
  std::uint64_t Beancounter::* member;
};
constexpr Part kParts[] = {
    {"ubc_held_items", "ubc_held_bytes", "What the container holds of the resource now", &Beancounter::held},
    {"ubc_maxheld_items", "ubc_maxheld_bytes", "The most that it has held since its start", &Beancounter::maxheld},
    {"ubc_barrier_items", "ubc_barrier_bytes", "Above it most charges are refused; no series: unlimited", &Beancounter::barrier},
    {"ubc_limit_items", "ubc_limit_bytes", "Above it every charge is refused; no series: unlimited", &Beancounter::limit},
};

/// Rendered once a scrape: a container's labels and a resource's meet in five families.
struct Subjects {
  std::vector<Labels> containers;   ///< as HostReading::running
  std::vector<Labels> resources;    ///< as kResources
};

Subjects subjects_of(const HostReading& host) {
  Subjects subjects;
  for (const ContainerReading& container : host.running) subjects.containers.push_back({{"ctid", std::to_string(container.id)}});
  for (const ResourceInfo& info : kResources) subjects.resources.push_back({{"resource", info.name}});
  return subjects;
}

/// Whether the number means something: without hooks only the memory controller counts.
bool is_known(const ContainerReading& container, const ResourceInfo& info) {
  return info.counted &&
         (container.counted_by_hooks || std::ranges::find(bpf::kSampledResources, info.resource) != std::end(bpf::kSampledResources));
}

/// Calls `sample` with the labels and the counter of each container and known resource.
void for_each_counter(const HostReading& host, const Subjects& subjects, auto sample) {
  for (std::size_t c = 0; c < host.running.size(); ++c)
    for (std::size_t r = 0; r < kResources.size(); ++r)
      if (is_known(host.running[c], kResources[r]))
        sample(subjects.containers[c], subjects.resources[r], kResources[r], host.running[c].counters.of(kResources[r].resource));
}

void write_part(const HostReading& host, const Subjects& subjects, const Part& part, bool items, Exposition& out) {
  if (!out.family(items ? part.in_items : part.in_bytes, gauge, part.help)) return;
  for_each_counter(host, subjects, [&](const Labels& container, const Labels& resource, const ResourceInfo& info, const Beancounter& now) {
    const std::uint64_t amount = now.*part.member;
    if ((info.unit == Unit::items) != items || amount == UBC_UNLIMITED) return;
    if (info.unit != Unit::pages)
      out.sample(container, resource, amount);
    else if (amount <= UBC_UNLIMITED / accounting::kPageSize)
      out.sample(container, resource, amount * accounting::kPageSize);
    else
      out.sample(container, resource, static_cast<double>(amount) * static_cast<double>(accounting::kPageSize));
  });
}

void write_beancounters(const HostReading& host, const Subjects& subjects, Exposition& out) {
  for (const Part& part : kParts)
    for (const bool items : {true, false}) write_part(host, subjects, part, items, out);
  if (!out.family("ubc_failures_total", counter, "Charges that were refused since the container's start (failcnt)")) return;
  for_each_counter(host, subjects, [&](const Labels& container, const Labels& resource, const ResourceInfo&, const Beancounter& now) {
    out.sample(container, resource, now.failcnt);
  });
}

/// Names live here only, so that a rename breaks no series.
void write_info(const HostReading& host, const Subjects& subjects, Exposition& out) {
  if (!out.family("ubc_container_info", info, "A running container; join its name by ctid")) return;
  for (std::size_t c = 0; c < host.running.size(); ++c) {
    const ContainerReading& container = host.running[c];
    out.sample(subjects.containers[c],
               {{"name", os::printable(container.name)},
                {"mode", container.counters.is_vswap() ? "vswap" : "classic"},
                {"kind", container.adopted ? "adopted" : "guest"},
                {"hostname", os::printable(container.hostname)},
                {"ostemplate", os::printable(container.ostemplate)},
                {"cgroup", os::printable(container.cgroup)}},
               1);
  }
}

void write_containers(const HostReading& host, const Subjects& subjects, Exposition& out) {
  write_info(host, subjects, out);
  out.family("ubc_container_start_time_seconds", gauge, "When it was started, in seconds since the epoch");
  for (std::size_t c = 0; c < host.running.size(); ++c)
    if (host.running[c].started_at) out.sample(subjects.containers[c], *host.running[c].started_at);
  out.family("ubc_containers", gauge, "Containers of this host by state");
  out.sample({{"state", "running"}}, host.running.size());
  out.sample({{"state", "stopped"}}, host.stopped);
}

void write_hooks(const HostReading& host, Exposition& out) {
  out.one("ubc_hooks_attached", gauge, "1: hooks count and refuse on this host", host.hooks ? 1 : 0);
  if (!host.hooks) return;
  out.family("ubc_losses_total", counter, "What the hooks could not count or report, by reason");
  for (std::size_t i = 0; i < std::size(kLossReasons); ++i) out.sample({{"reason", kLossReasons[i]}}, host.hooks->health.losses[i]);
  out.one("ubc_overflow_records", gauge, "Charged objects in the hash map beside the object table", host.hooks->health.overflow_records);
  out.family("ubc_bpf_program_missed_total", counter, "Times that the kernel skipped a program");
  for (const bpf::HookStatus& hook : host.hooks->programs) out.sample({{"program", hook.program}}, hook.recursion_misses);
}

void write_own(const OwnReading& own, Exposition& out) {
  out.one("ubc_build_info", info, "This ubcd and the kernel under it", 1, {{"version", UBC_VERSION}, {"kernel", own.kernel}});
  out.one("ubc_collector_duration_seconds", gauge, "How long this scrape read", own.read_seconds, {{"collector", "host"}});
  out.one("ubc_read_failures_total", counter, "What could not be read since ubcd's start; its log says why", own.read_failures);
  out.one("ubc_http_requests_total", counter, "Requests that were answered", own.requests);
  out.one("ubc_http_connections_refused_total", counter, "Connections over the cap", own.connections_refused);
}

void write_process(const OwnProcess& process, Exposition& out) {
  out.one("process_cpu_seconds_total", counter, "CPU time of ubcd, user and system", process.cpu_seconds);
  out.one("process_start_time_seconds", gauge, "When ubcd was started, in seconds since the epoch", process.started_at);
  out.one("process_resident_memory_bytes", gauge, "Resident memory of ubcd", process.resident_bytes);
  out.one("process_virtual_memory_bytes", gauge, "Virtual memory of ubcd", process.virtual_bytes);
  out.one("process_open_fds", gauge, "Open file descriptors of ubcd", process.open_files);
  out.one("process_max_fds", gauge, "Most that it may open", process.max_files);
}

}  // namespace

void write_families(const HostReading& host, const OwnReading& own, Exposition& out) {
  const Subjects subjects = subjects_of(host);
  write_containers(host, subjects, out);
  if (host.collected.has(Collector::beancounters)) write_beancounters(host, subjects, out);
  if (host.collected.has(Collector::hooks)) write_hooks(host, out);
  write_own(own, out);
  if (host.collected.has(Collector::process)) write_process(own.process, out);
}

}  // namespace ubc::exporter

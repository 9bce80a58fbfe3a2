// SPDX-License-Identifier: Apache-2.0
#include "exporter/families.h"

#include <algorithm>
#include <array>
#include <utility>

#include "exporter/family_parts.h"
#include "os/text_file.h"

namespace ubc::exporter {
namespace {

using accounting::kResources;
using accounting::ResourceInfo;
using enum Kind;

Subjects subjects_of(const HostReading& host) {
  Subjects subjects;
  for (const ContainerReading& container : host.running) subjects.containers.push_back({{"ctid", std::to_string(container.id)}});
  for (const ResourceInfo& info : kResources) subjects.resources.push_back({{"resource", info.name}});
  return subjects;
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
                {"group", os::printable(container.group)},
                {"cgroup", os::printable(container.cgroup)}},
               1);
  }
}

/// Each container has a series of each state, one of them 1: a change is seen as one.
void write_states(const HostReading& host, const Subjects& subjects, Exposition& out) {
  constexpr auto kStates = std::to_array<std::string_view>({"running", "suspended", "stopped"});
  std::array<std::size_t, kStates.size()> containers{};
  const bool wanted = out.family("ubc_container_state", gauge, "1: the state that the container is in");
  const auto say = [&](const Labels& subject, std::size_t state) {
    ++containers[state];
    for (std::size_t s = 0; wanted && s < kStates.size(); ++s) out.sample(subject, {{"state", kStates[s]}}, s == state ? 1 : 0);
  };
  for (std::size_t c = 0; c < host.running.size(); ++c) say(subjects.containers[c], host.running[c].usage.suspended ? 1 : 0);
  for (const std::uint32_t id : host.stopped) say({{"ctid", std::to_string(id)}}, 2);
  out.family("ubc_containers", gauge, "Containers of this host by state");
  for (std::size_t s = 0; s < kStates.size(); ++s) out.sample({{"state", kStates[s]}}, containers[s]);
}

}  // namespace

void write_containers(const HostReading& host, const Subjects& subjects, Exposition& out) {
  write_info(host, subjects, out);
  out.family("ubc_container_start_time_seconds", gauge, "When it was started, in seconds since the epoch");
  for (std::size_t c = 0; c < host.running.size(); ++c)
    if (host.running[c].started_at) out.sample(subjects.containers[c], *host.running[c].started_at);
  write_states(host, subjects, out);
}

void write_own(const OwnReading& own, Exposition& out) {
  out.one("ubc_build_info", info, "This ubcd and the kernel under it", 1, {{"version", UBC_VERSION}, {"kernel", own.kernel}});
  out.one("ubc_collector_duration_seconds", gauge, "How long this scrape read", own.read_seconds, {{"collector", "host"}});
  out.one("ubc_read_failures_total", counter, "What could not be read since ubcd's start; its log says why", own.read_failures);
  out.one("ubc_config_last_reload_successful", gauge, "1: the configuration is what its file says", own.reload.successful ? 1 : 0);
  out.one("ubc_config_last_reload_timestamp_seconds", gauge, "When it was last read, in seconds since the epoch", own.reload.at);
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

void write_families(const HostReading& host, const OwnReading& own, Exposition& out) {
  const Subjects subjects = subjects_of(host);
  write_containers(host, subjects, out);
  const auto part = [&](Collector collector, auto write) {
    if (host.collected.has(collector)) write(host, subjects, out);
  };
  part(Collector::beancounters, write_beancounters);
  if (host.collected.has(Collector::beancounters) && own.crossings) write_crossings(host, subjects, *own.crossings, out);
  part(Collector::refusals, write_last_refusals);
  part(Collector::cpu, write_cpu);
  part(Collector::memory, write_memory_events);
  part(Collector::pressure, write_pressures);
  part(Collector::io, write_io);
  part(Collector::disk, write_disk);
  part(Collector::network, write_network);
  if (host.collected.has(Collector::host)) write_host(host, out);
  if (host.collected.has(Collector::hooks)) write_hooks(host, out);
  if (host.audit) write_audit(*host.audit, out);
  if (host.collected.has(Collector::capability) && own.abilities) write_capabilities(*own.abilities, out);
  write_own(own, out);
  if (host.collected.has(Collector::process)) write_process(own.process, out);
  out.one("ubc_scrape_samples", gauge, "Samples before this one", out.samples());
}

}  // namespace ubc::exporter

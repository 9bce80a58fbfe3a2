// SPDX-License-Identifier: Apache-2.0
// The families by theme; families.cpp is their table of contents.
#pragma once

#include <vector>

#include "exporter/exposition.h"
#include "exporter/families.h"
#include "exporter/reading.h"

namespace ubc::exporter {

/// Rendered once a scrape: a container's labels meet a resource's in a dozen families.
struct Subjects {
  std::vector<Labels> containers;   ///< as HostReading::running
  std::vector<Labels> resources;    ///< as accounting::kResources
};

void write_containers(const HostReading& host, const Subjects& subjects, Exposition& out);
/// The hot ones: four numbers and a count of each container and resource.
void write_beancounters(const HostReading& host, const Subjects& subjects, Exposition& out);
void write_crossings(const HostReading& host, const Subjects& subjects, const Crossings& crossings, Exposition& out);
void write_last_refusals(const HostReading& host, const Subjects& subjects, Exposition& out);
void write_cpu(const HostReading& host, const Subjects& subjects, Exposition& out);
void write_memory_events(const HostReading& host, const Subjects& subjects, Exposition& out);
void write_pressures(const HostReading& host, const Subjects& subjects, Exposition& out);
void write_io(const HostReading& host, const Subjects& subjects, Exposition& out);
void write_disk(const HostReading& host, const Subjects& subjects, Exposition& out);
void write_network(const HostReading& host, const Subjects& subjects, Exposition& out);
/// What the host has, and what its containers use and were promised of it.
void write_host(const HostReading& host, Exposition& out);
/// What `ubctl features` says.
void write_capabilities(const Abilities& abilities, Exposition& out);
void write_hooks(const HostReading& host, Exposition& out);
/// What `ubctl audit` found last.
void write_audit(const container::LedgerAudit& audit, Exposition& out);
void write_own(const OwnReading& own, Exposition& out);
void write_process(const OwnProcess& process, Exposition& out);

}  // namespace ubc::exporter

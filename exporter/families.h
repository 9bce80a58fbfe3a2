// SPDX-License-Identifier: Apache-2.0
// Readings as Prometheus sees them: names, units and labels. Pure. Base units: pages become bytes, and bytes and items never share a
// family. What is unlimited, or not counted, has no series. A name from elsewhere has its control characters made visible.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "exporter/crossings.h"
#include "exporter/exposition.h"
#include "exporter/own_process.h"
#include "exporter/reading.h"

namespace ubc::exporter {

/// Of the configuration: at the start, or by the last SIGHUP.
struct Reload {
  bool successful = true;
  std::int64_t at = 0;   ///< seconds since the epoch
};

/// About ubcd rather than the host.
struct OwnReading {
  OwnProcess process;
  double read_seconds = 0;                 ///< that read_host() took
  std::uint64_t read_failures = 0;         ///< since the start
  std::uint64_t requests = 0;
  std::uint64_t connections_refused = 0;
  std::string kernel;                      ///< uname -r
  Reload reload;
  std::shared_ptr<const Abilities> abilities;
  std::shared_ptr<Crossings> crossings;    ///< looks at each scrape
};

/// What was not read has no family.
void write_families(const HostReading& host, const OwnReading& own, Exposition& out);

}  // namespace ubc::exporter

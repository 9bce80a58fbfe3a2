// SPDX-License-Identifier: Apache-2.0
// /metrics/cadvisor: what ubcd reads, by the names and labels of cAdvisor. Pure.
#pragma once

#include <string_view>

#include "exporter/exposition.h"
#include "exporter/reading.h"

namespace ubc::exporter {

/// `cgroups`: the mount below which a container's path begins.
void write_cadvisor(const HostReading& host, std::string_view cgroups, Exposition& out);

}  // namespace ubc::exporter

// SPDX-License-Identifier: Apache-2.0
// A host on which everything that ubcd reads is there, every number another one: what the tests of families, rules and dashboards look at.
#pragma once

#include "exporter/families.h"

namespace ubc::test {

struct MadeUpHost {
  exporter::HostReading host;
  exporter::OwnReading own;
};

/// Counted guest 101, with all that can be known of it; adopted 2000000007, without hooks and suspended; 102, stopped. No hooks attached.
[[nodiscard]] MadeUpHost two_containers();
/// The same with hooks, and with what ubcd learnt at its start: every family has a series.
[[nodiscard]] MadeUpHost full_host();

}  // namespace ubc::test

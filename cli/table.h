// SPDX-License-Identifier: Apache-2.0
// Counters for people: a line each with units and a bar.
#pragma once

#include "accounting/beancounter.h"

namespace ubc::cli {

/// Of what this version counts; failures marked, in red on a terminal. `only_failed`: what was never refused is left out.
void print_table(const accounting::Snapshot& snapshot, bool only_failed);

}  // namespace ubc::cli

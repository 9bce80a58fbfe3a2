// SPDX-License-Identifier: Apache-2.0
// A refusal as events and watch tell it to people.
#pragma once

#include <chrono>
#include <string>

#include "container/refusals.h"

namespace ubc::cli {

[[nodiscard]] std::string local_time(std::chrono::system_clock::time_point time);
/// "2026-11-25 10:00:00  web  numproc  +1 at 100 of 100:120  bash[4711] uid 0  fork". Of a dummy row's resource: empty.
[[nodiscard]] std::string line_of(const container::Refusal& refusal);

}  // namespace ubc::cli

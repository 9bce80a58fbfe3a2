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

/// "numproc: refused 4 times, last 2026-11-25 10:00:00 (5 s ago) to bash (pid 4711, uid 0 inside) by fork: 1 more at 100 held, barrier 100,
/// limit 120." `failcnt`: of who refused, the container or its group. `in_group`: the reader asks about the group, and wants to know whose
/// process it was.
[[nodiscard]] std::string sentence_of(const container::Refusal& refusal, std::uint64_t failcnt, std::chrono::system_clock::time_point now,
                                      bool in_group = false);

}  // namespace ubc::cli

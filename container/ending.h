// SPDX-License-Identifier: Apache-2.0
// How a guest is asked to end, in its init's language.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "container/container.h"
#include "container/host.h"
#include "os/result.h"

namespace ubc::container {

/// As its template says, else by what its process 1 hears; until that has ended, or the time is over. What did not work goes to `notes`: it
/// is killed then. The lock is held.
[[nodiscard]] Result<> ask_to_end(const Host& host, std::uint32_t id, const Running& guest, std::vector<std::string>& notes);

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
// What interrupted commands and unclean ends of the host can leave: found, and on request cleared, for all containers at once. Each command
// mends what it meets of its own container; this looks at what no container answers for.
#pragma once

#include <string>
#include <vector>

#include "container/host.h"
#include "os/result.h"

namespace ubc::container {

struct Finding {
  std::string what;  ///< one sentence: the thing, and what it is left of
  bool mended = false;
};

/// Reads only. A container whose command is at work is left out.
[[nodiscard]] Result<std::vector<Finding>> examine(const Host& host);
/// The same, and clears what it finds.
[[nodiscard]] Result<std::vector<Finding>> mend(const Host& host);

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
// A wall around a process that works on a tree nobody vouches for.
#pragma once

#include <span>
#include <string>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

/// Makes the directory the root of this process, and gives up new privileges, core dumps and every capability but `kept` (CAP_*). Cannot be
/// undone. Fails with Code::denied if not root. `what` is the work, for errors.
[[nodiscard]] Result<> confine_to(const os::DirFd& directory, std::span<const int> kept, const std::string& what);

}  // namespace ubc::isolate

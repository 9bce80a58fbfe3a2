// SPDX-License-Identifier: Apache-2.0
// A guest's file system as a whole, for a host-side look: what it changed over its template, in one tree. Read-only, and nowhere but in the
// looker's own mount namespace.
#pragma once

#include <functional>
#include <string>

#include "os/result.h"

namespace ubc::isolate {

/// Runs `body` in a process of its own, which sees the tree at `path`; it dies with us, and the mount with it. Owners are as on disk: the
/// template's below 65536, the guest's from its base on. Nothing may change in the layers meanwhile: the guest stands still. `lower` and
/// `area` as in GuestSpec. Needs root. Fails with what body fails with.
[[nodiscard]] Result<> with_merged_tree(const std::string& lower, const std::string& area,
                                        const std::function<Result<>(const std::string& path)>& body);

}  // namespace ubc::isolate

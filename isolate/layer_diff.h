// SPDX-License-Identifier: Apache-2.0
// What a guest has changed of its template: its upper layer against the lower one. The upper layer is a guest's, who may change it
// meanwhile.
#pragma once

#include <functional>
#include <string>

#include "os/result.h"

namespace ubc::isolate {

enum class Change : char { added = 'A', changed = 'C', removed = 'D' };

/// Each path of the upper layer, from the guest's root, in the order of names; a directory before what is in it. What a directory hides
/// that was removed and made anew is not told one by one. No symbolic link is followed. Fails with Code::corrupt where directories are
/// nested deeper than 200.
[[nodiscard]] Result<> layer_diff(const std::string& lower, const std::string& upper,
                                  const std::function<void(Change, const std::string& path)>& told);

}  // namespace ubc::isolate

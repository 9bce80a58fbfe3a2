// SPDX-License-Identifier: Apache-2.0
// What is in a directory, and a directory gone with all that is in it.
#pragma once

#include <string>
#include <vector>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::os {

enum class Entries { all, directories };

/// Names, sorted, without "." and "..". A directory that is not there is an empty one.
[[nodiscard]] Result<std::vector<std::string>> names_in(const std::string& directory, Entries entries = Entries::all);

/// Of one that is open; it is read from its start.
[[nodiscard]] Result<std::vector<std::string>> names_in(const DirFd& directory);

/// rm -rf, as far as it goes: what could not be removed stays, for a later sweep.
void remove_tree(const std::string& path);

}  // namespace ubc::os

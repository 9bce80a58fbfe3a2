// SPDX-License-Identifier: Apache-2.0
// The data of one file into another, holes left out.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

#include "os/result.h"

namespace ubc::os {

struct SparseCopy {
  off_t size = 0;            ///< of the target now; less than was asked for where the source became shorter meanwhile
  std::uint64_t bytes = 0;   ///< copied
};

/// The first `size` bytes of `source` into the empty file `target`, both open descriptors; what is a hole stays one. `name` is what errors
/// call the source, whose file system may be anybody's.
[[nodiscard]] Result<SparseCopy> copy_sparse(int source, int target, off_t size, std::string_view name);

}  // namespace ubc::os

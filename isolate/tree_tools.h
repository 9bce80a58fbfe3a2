// SPDX-License-Identifier: Apache-2.0
// What works on templates' trees: programs of their own, so that libarchive is no part of who asks, and the admin's data.
#pragma once

#include <string>

namespace ubc::isolate {

struct TreeTools {
  std::string unpacker, packer;   ///< paths of ubc-unpack and ubc-pack
  std::string fixups;             ///< directory of NAME.conf, see fixups.h; need not exist
};

}  // namespace ubc::isolate

// SPDX-License-Identifier: Apache-2.0
// A root file system that was made elsewhere, with ids from 0, copied to be a guest's own. Nobody vouches for it: each name is opened in
// the directory that holds it, no link is followed, and nothing but regular files and directories is opened at all. It is never written to.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

struct ForeignTree {
  std::uint64_t members = 0;
  std::uint64_t bytes = 0;  ///< of the regular files, without their holes
  std::uint64_t devices_left_out = 0;
  std::uint64_t attributes_left_out = 0;  ///< extended attributes, see guest_attributes.h, and what the file system does not have
  std::vector<std::string> mounts;  ///< directories on which another file system is mounted: they come empty
};

/// Copies what is in `source` into `target`, which is empty and whose owner becomes the root directory's: each id is moved up by `base`;
/// modes, times, hard links, holes, pipes and sockets come along. Device nodes do not, nor what is in the directories that a start fills
/// (tree_file.h). `links` is an empty directory beside the target, and empty again when all went well.
/// Fails with Code::corrupt for an owner above 65535 and for more than 256 directories in each other; what was copied stays.
[[nodiscard]] Result<ForeignTree> copy_foreign_tree(const os::DirFd& source, const os::DirFd& target, const os::DirFd& links, uid_t base);

}  // namespace ubc::isolate

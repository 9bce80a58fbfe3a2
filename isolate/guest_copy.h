// SPDX-License-Identifier: Apache-2.0
// Files and directories from one tree into another, where one or both are a guest's: its paths are resolved inside it, whatever its links
// say, and what it has made is taken for hostile.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

struct CopySide {
  const os::DirFd* root = nullptr;   ///< of a guest, or of the host: "/"
  bool guest = false;                ///< no path leads out of root
  std::string path;                  ///< absolute; of the target: an existing directory takes the source by its own name
  uid_t owner = 0;                   ///< of the target: whose what is made shall be
};

struct CopyReport {
  std::uint64_t files = 0, directories = 0, links = 0;
  std::vector<std::string> left_out;   ///< what is neither of these, by its path in the source
};

/// Modes without setuid, setgid and sticky bits, and times of change come along, and holes stay holes; owners, attributes and hard links do
/// not. A file takes its name when it is complete, in the place of what had it; a directory is filled up. Fails with Code::exists where a
/// directory would replace a file or the other way round, with Code::corrupt where the source is nested deeper than 200 directories; what
/// was copied until then stays.
[[nodiscard]] Result<CopyReport> copy_tree(const CopySide& from, const CopySide& to);

}  // namespace ubc::isolate

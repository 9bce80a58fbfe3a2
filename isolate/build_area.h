// SPDX-License-Identifier: Apache-2.0
// Where a template is built: a scratch directory, and the half-written archive beside its final place. They belong to a living process,
// which holds a lock on the directory; what a killed one left is swept.
//   DIRECTORY/.build.XXXXXX        scratch         .build.XXXXXX/part   symbolic link to the archive's OUTPUT.PID.part.tar.gz
//   DIRECTORY/.build.lock          taken while one is made or swept
#pragma once

#include <string>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

class BuildArea {
 public:
  /// In `directory`, which must exist, for an archive that will be `output`.
  [[nodiscard]] static Result<BuildArea> make(const std::string& directory, const std::string& output);
  BuildArea(BuildArea&&) = default;
  BuildArea& operator=(BuildArea&&) = delete;
  /// Removes both; the archive only if it was not put in its place.
  ~BuildArea();

  [[nodiscard]] const std::string& scratch() const { return scratch_; }
  /// Beside the output, so that the rename stays on one file system.
  [[nodiscard]] const std::string& part() const { return part_; }

 private:
  BuildArea(os::Fd held, std::string scratch, std::string part);

  os::Fd held_;
  std::string scratch_, part_;
};

/// Removes what builds that were killed left below `directory`. No such directory: nothing to do.
void sweep_builds(const std::string& directory);

}  // namespace ubc::isolate

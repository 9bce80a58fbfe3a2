// SPDX-License-Identifier: Apache-2.0
// Makes template archives from what the host has: its busybox, or Debian packages from the mirror that apt is set up with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "os/result.h"

namespace ubc::isolate {

/// The names that build_template() knows: "busybox", "debian-12" and the like.
[[nodiscard]] std::vector<std::string_view> buildable_templates();

/// Writes the archive `output` (tar.gz), complete or not at all; takes seconds (busybox) or minutes (debian). Works in a
/// directory of its own below `work_directory`, which must exist and allow device nodes, and removes it at the end; what builds that were
/// killed left there goes first.
/// `busybox` must be statically linked. Debian needs root and mmdebstrap.
/// Fails with Code::bad_value for an unknown name, Code::not_found if a program or a mirror is missing.
[[nodiscard]] Result<> build_template(std::string_view name, const std::string& output, const std::string& work_directory,
                                      const std::string& busybox = "/bin/busybox");

}   // namespace ubc::isolate

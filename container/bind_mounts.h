// SPDX-License-Identifier: Apache-2.0
// BINDMOUNT: directories of the host that a guest has in its tree from its start on. (Pure.)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "isolate/guest_spec.h"
#include "os/result.h"

namespace ubc::container {

using BindMounts = std::vector<isolate::BindMount>;

struct BindChange {
  BindMounts add;
  std::vector<std::string> drop;   ///< by target
  bool drop_all = false;
  [[nodiscard]] bool empty() const { return add.empty() && drop.empty() && !drop_all; }
};

/// "/source:/target[,ro][,noexec]". Fails with Code::bad_value: a path that is not absolute, has "..", "." or a blank in it, or a target
/// that the guest's own /proc, /sys or /dev takes.
[[nodiscard]] Result<isolate::BindMount> parse_bind_mount(std::string_view text);
/// All of a configuration's.
[[nodiscard]] Result<BindMounts> parse_bind_mounts(std::string_view text);
[[nodiscard]] std::string text_of(const BindMounts& mounts);
/// A target that is there already is replaced.
[[nodiscard]] BindMounts changed(BindMounts now, const BindChange& change);

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
// What a change of numbers comes to before anybody makes it: what `ubctl set --dry-run` prints and the console previews.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "accounting/beancounter.h"
#include "accounting/config_file.h"
#include "accounting/limits.h"
#include "container/host.h"
#include "os/result.h"

namespace ubc::container {

using accounting::AllLimits;

/// One resource's numbers, now and then, and what is held of it.
struct LimitChange {
  ubc_resource resource{};
  accounting::Limits before, after;
  std::uint64_t held = 0;
  bool operator==(const LimitChange&) const = default;
};

/// What a command that says `changes` sets, on a container whose configuration, with the changes in it, is `changed`: VSwap fills in what
/// neither says. Fails with Code::bad_value where the configuration's numbers are wrong.
[[nodiscard]] Result<AllLimits> limits_for(const accounting::ConfigFile& changed, const AllLimits& changes);
/// VSwap without swap: nothing says how much the container may take, and vzctl refuses it. The configuration is as the command would leave
/// it.
[[nodiscard]] bool lacks_swap(const accounting::ConfigFile& config);
[[nodiscard]] Error swap_missing();
/// One for each resource that `wanted` says, in the table's order. (Pure.)
[[nodiscard]] std::vector<LimitChange> limit_changes(const accounting::Snapshot& now, const AllLimits& wanted);
/// What the container will feel of it, for people: "room for 12 more", or that it holds more than it may. (Pure.)
[[nodiscard]] std::string effect_of(const LimitChange& change);

/// All of the above for a container, as it is now; nothing is changed. Fails with Code::not_found, and where `ubctl set` would refuse.
[[nodiscard]] Result<std::vector<LimitChange>> preview_limits(const Host& host, std::uint32_t id, const AllLimits& changes);

/// What `ubctl set`, without --save, does: live, under the container's lock. Either all of it, or the numbers are as they were.
[[nodiscard]] Result<> set_live(const Host& host, std::uint32_t id, const AllLimits& changes, std::vector<std::string>& notes);

}  // namespace ubc::container

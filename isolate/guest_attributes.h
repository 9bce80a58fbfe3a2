// SPDX-License-Identifier: Apache-2.0
// An extended attribute of a tree whose ids begin at 0 -> the same of a guest's file, as the host stores it. guest_ids.h goes the other
// way.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "os/result.h"

namespace ubc::isolate {

/// The last id that a guest has.
inline constexpr uid_t kLastGuestId = 65535;

/// user.*, file capabilities, which then name the guest's root, and access lists, whose ids are moved up by `base`. nullopt: it stays
/// behind, as overlayfs would obey it or it is the host's affair. Fails with Code::corrupt for an access list with an id that no guest has.
[[nodiscard]] Result<std::optional<std::string>> attribute_for_guest(std::string_view name, std::string_view value, uid_t base);

}  // namespace ubc::isolate

// SPDX-License-Identifier: Apache-2.0
// ubctl cp: between the host and containers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "container/host.h"
#include "isolate/guest_copy.h"
#include "os/result.h"

namespace ubc::container {

struct CopyPlace {
  std::optional<std::uint32_t> id;   ///< nullopt: the host
  std::string path;                  ///< absolute
};

/// "web:/etc/motd", "101:etc", or a path of the host: what has a '/' before its first ':' is one. Fails with Code::not_found for a name
/// that is nobody's.
[[nodiscard]] Result<CopyPlace> parse_place(const Host& host, std::string_view text);

/// See isolate::copy_tree; what comes into a guest is its root's. A stopped container can be copied from. Fails with Code::bad_state for
/// one as the target.
[[nodiscard]] Result<isolate::CopyReport> copy(const Host& host, const CopyPlace& from, const CopyPlace& to);

}  // namespace ubc::container

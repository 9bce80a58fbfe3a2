// SPDX-License-Identifier: Apache-2.0
// A container of OpenVZ becomes one of ours. What it was is only read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "accounting/config_file.h"
#include "container/host.h"
#include "os/result.h"

namespace ubc::container {

/// Copies the tree below `source` into a new private area, over an empty template, as its own and not a template's: destroy removes it, and
/// it counts for diskspace. Fix-ups are applied but for what makes two copies of a template different machines. The lock is held. What did
/// not come along goes to `notes`.
/// Fails with Code::not_found where there is no such directory, with Code::unsupported for a ploop image, with Code::corrupt where it is no
/// root file system or has what no guest can have, and as create().
[[nodiscard]] Result<> convert(const Host& host, std::uint32_t id, const std::string& source, const accounting::ConfigFile& config,
                               std::vector<std::string>& notes);

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
// DEVNODES: devices of the host that a guest has in its /dev from its start on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "isolate/guest_spec.h"
#include "os/result.h"

namespace ubc::container {

struct DeviceWish {
  std::string name;   ///< below /dev: "fuse", "net/tun"
  std::string mode;   ///< "r", "w", "rw", or "none": it has no such device any more
};

/// "net/tun:rw", as vzctl has it; a "q" in the mode is passed over. Fails with Code::bad_value.
[[nodiscard]] Result<DeviceWish> parse_device_wish(std::string_view text);
/// What DEVNODES says with the wishes applied: one word a device, in the order in which they came.
[[nodiscard]] Result<std::string> change_device_nodes(std::string_view devnodes, const std::vector<DeviceWish>& wishes);
/// With the host's numbers. Fails with Code::not_found for a device that the host has not, with Code::bad_value for what is none.
[[nodiscard]] Result<std::vector<isolate::DeviceNode>> devices_in(std::string_view devnodes);

}  // namespace ubc::container

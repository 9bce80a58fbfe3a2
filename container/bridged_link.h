// SPDX-License-Identifier: Apache-2.0
// A guest's link that is a port of one of the host's bridges: vzctl's NETIF (pure).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "os/mac_address.h"
#include "os/result.h"

namespace ubc::container {

struct BridgedLink {
  std::string name;           ///< in the guest
  os::MacAddress mac{};       ///< of the guest's end
  std::string host_name;
  os::MacAddress host_mac{};
  std::string bridge;
  bool mac_filter = true;     ///< the guest sends from that MAC only

  bool operator==(const BridgedLink&) const = default;
};
using BridgedLinks = std::vector<BridgedLink>;

/// "ifname=eth0,mac=...,host_ifname=veth101.0,host_mac=...,bridge=br0;ifname=eth1,...", all that are said. Fails with Code::bad_value.
[[nodiscard]] Result<BridgedLinks> parse_links(std::string_view text);
/// As a configuration has them.
[[nodiscard]] std::string text_of(const BridgedLinks& links);

/// "eth0,mac,host_ifname,host_mac,bridge": MAC addresses that are left empty are made up, and host_ifname stays empty. Fails with
/// Code::bad_value.
[[nodiscard]] Result<BridgedLink> parse_netif(std::string_view text);
/// As vzctl has it: eth1 of 101 is veth101.1; where that is too long for an interface, v101.1.
[[nodiscard]] std::string default_host_name(const std::string& name, std::uint32_t id);

/// First what goes, then what comes; one of a name that is there replaces it.
struct BridgedChange {
  bool drop_all = false;
  std::vector<std::string> drop;
  BridgedLinks add;

  [[nodiscard]] bool empty() const { return !drop_all && drop.empty() && add.empty(); }
};
[[nodiscard]] BridgedLinks changed(BridgedLinks now, const BridgedChange& change);

}  // namespace ubc::container

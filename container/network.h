// SPDX-License-Identifier: Apache-2.0
// The host's side of a container's network: a routed link of its own, on which only its addresses pass, and ports of bridges
// (docs/network.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "container/container.h"
#include "container/container_record.h"
#include "container/host.h"
#include "container/network_settings.h"
#include "isolate/guest_spec.h"
#include "os/result.h"

namespace ubc::container {

/// The guest's end of its routed link, as OpenVZ called it.
inline constexpr const char* kRoutedLink = "venet0";
/// The host's end.
[[nodiscard]] std::string host_link_of(std::uint32_t id);

/// What the two ends of a link are called.
struct LinkNames {
  std::string host, guest;
};
/// Of a run.
[[nodiscard]] std::vector<LinkNames> links_of(std::uint32_t id, const RunRecord& record);

/// Fails with Code::busy where one of them is the host's own, or in another container's configuration.
[[nodiscard]] Result<> check_addresses(const Host& host, std::uint32_t id, const Addresses& addresses);

/// What a start is to do about the network goes into `spec`, which `host`, `network` and `notes` must outlive. Fails with Code::busy where
/// an address is the host's own.
[[nodiscard]] Result<> plan_network(const Host& host, std::uint32_t id, const NetworkSettings& network, isolate::GuestSpec& spec,
                                    std::vector<std::string>& notes);
/// No link, route or right to an address is left of that run.
[[nodiscard]] Result<> unplug(const Host& host, std::uint32_t id, const RunRecord& record);
/// What a change that was interrupted left. True if there was anything.
[[nodiscard]] Result<bool> mend_network(const Host& host, std::uint32_t id, const Running& guest);

/// Live. The lock is held. Either all of it, or the addresses are as they were. Fails with Code::bad_state where it does not run, with
/// Code::busy where an address is somebody else's.
[[nodiscard]] Result<> change_addresses(const Host& host, std::uint32_t id, const AddressChange& change, std::vector<std::string>& notes);
/// Live: bridged links. The lock is held. Fails likewise, and with Code::bad_value where the host has no such bridge.
[[nodiscard]] Result<> change_links(const Host& host, std::uint32_t id, const BridgedChange& change);
/// Live, on each of its links.
[[nodiscard]] Result<> change_rates(const Host& host, std::uint32_t id, const Rates& rates);

/// What the guest's /etc says, live.
struct GuestNames {
  std::optional<std::string> hostname, resolv_conf;
};
/// Fails with Code::bad_state where it does not run, or is suspended.
[[nodiscard]] Result<> change_names(const Host& host, std::uint32_t id, const GuestNames& names);

/// Packets of its own, or for it, that did not pass since its link was made.
struct RefusedPackets {
  std::uint64_t spoofed = 0, denied = 0, over_rate = 0;
  Rates rates;   ///< of each link now
};
/// nullopt: it does not run.
[[nodiscard]] std::optional<RefusedPackets> refused_packets(const Host& host, std::uint32_t id);

/// Those that it has now, or those of its configuration where it does not run.
[[nodiscard]] Addresses addresses_of(const Host& host, std::uint32_t id, const accounting::ConfigFile& config);

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
// What a configuration says of a container's network, in vzctl's words (pure).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/config_file.h"
#include "container/bridged_link.h"
#include "os/ip_address.h"
#include "os/result.h"

namespace ubc::container {

using Addresses = std::vector<os::IpAddress>;

/// Bytes a second; 0: no limit.
struct Rates {
  std::uint64_t receive = 0, send = 0;   ///< as the guest sees it
  bool operator==(const Rates&) const = default;
};

struct NetworkSettings {
  Addresses addresses;                      ///< IP_ADDRESS, each once
  BridgedLinks bridged;                     ///< NETIF; of a repeated name the last
  Rates rates;                              ///< RATE: of each link
  std::optional<std::string> resolv_conf;   ///< of NAMESERVER and SEARCHDOMAIN; nullopt: neither says anything
};

/// Fails with Code::bad_value, naming the key.
[[nodiscard]] Result<NetworkSettings> network_in(const accounting::ConfigFile& config);

/// Separated by blanks. Fails with Code::bad_value.
[[nodiscard]] Result<Addresses> parse_addresses(std::string_view text);
/// As a configuration has them.
[[nodiscard]] std::string text_of(const Addresses& addresses);

/// "10M", "10M:2M", "unlimited": bits a second with K, M, G of 1000; the second number is for what the guest sends, and the first for both
/// where it stands alone. 0: no limit. Fails with Code::bad_value.
[[nodiscard]] Result<Rates> parse_rates(std::string_view text);

/// Fails with Code::bad_value.
[[nodiscard]] Result<> check_nameserver(std::string_view text);
[[nodiscard]] Result<> check_searchdomain(std::string_view text);

/// Of a container's addresses: first what goes, then what comes.
struct AddressChange {
  bool drop_all = false;
  Addresses drop, add;

  [[nodiscard]] bool empty() const { return !drop_all && drop.empty() && add.empty(); }
};
/// Those that stay keep their order; one that is to be dropped and is not there is no error.
[[nodiscard]] Addresses changed(Addresses now, const AddressChange& change);

}  // namespace ubc::container

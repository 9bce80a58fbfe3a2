// SPDX-License-Identifier: Apache-2.0
// One address of IPv4 or IPv6, as a value.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "os/result.h"

namespace ubc::os {

class IpAddress {
 public:
  /// A single address, with or without its /32 or /128. Fails with Code::bad_value: for a network, and for what can be no host's
  /// (unspecified, loopback, multicast, broadcast, link-local).
  [[nodiscard]] static Result<IpAddress> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const;
  /// As on the wire: 4 or 16 bytes.
  [[nodiscard]] std::span<const std::uint8_t> bytes() const;
  /// As IPv6 on the wire; IPv4 as ::ffff:a.b.c.d.
  [[nodiscard]] const std::array<std::uint8_t, 16>& mapped() const { return mapped_; }
  [[nodiscard]] std::string text() const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<std::uint8_t, 16> mapped_{};
};

}  // namespace ubc::os

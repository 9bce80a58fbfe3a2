// SPDX-License-Identifier: Apache-2.0
#include "os/mac_address.h"

#include <charconv>
#include <random>

namespace ubc::os {

Result<MacAddress> parse_mac(std::string_view text) {
  const auto bad = [&] { return error(Code::bad_value, "Bad MAC address {}: six bytes, of one station: 02:00:00:00:00:01", text); };
  constexpr std::size_t kLength = 6 * 3 - 1;
  if (text.size() != kLength) return bad();
  MacAddress mac{};
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const char* digits = text.data() + i * 3;
    const auto [end, wrong] = std::from_chars(digits, digits + 2, mac[i], 16);
    if (wrong != std::errc{} || end != digits + 2 || (i + 1 < mac.size() && digits[2] != ':')) return bad();
  }
  if ((mac[0] & 1) != 0 || mac == MacAddress{}) return bad();
  return mac;
}

std::string text_of(const MacAddress& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

MacAddress made_up_mac() {
  std::random_device random;
  MacAddress mac{};
  for (std::uint8_t& byte : mac) byte = static_cast<std::uint8_t>(random());
  mac[0] = static_cast<std::uint8_t>((mac[0] & 0xfc) | 0x02);
  return mac;
}

}  // namespace ubc::os

// SPDX-License-Identifier: Apache-2.0
#include "os/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <iterator>

namespace ubc::os {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::size_t kV4At = kMappedPrefix.size();

bool usable_v4(const std::uint8_t* a) {
  return a[0] != 0 && a[0] != 127 && a[0] < 224 && !(a[0] == 169 && a[1] == 254);   // from 224 on: multicast, reserved, broadcast
}

bool usable_v6(const std::array<std::uint8_t, 16>& a) {
  const bool near_zero = std::all_of(a.begin(), a.end() - 1, [](std::uint8_t byte) { return byte == 0; }) && a.back() <= 1;   // ::, ::1
  return !near_zero && a[0] != 0xff && !(a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
}

}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const auto bad = [&](std::string_view why) { return error(Code::bad_value, "Bad address {}: {}", text, why); };
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string host{text.substr(0, slash)};
  const std::string_view length = text.substr(slash);
  IpAddress address;
  const bool v6 = host.contains(':');
  if (!v6) std::ranges::copy(kMappedPrefix, address.mapped_.begin());
  if (::inet_pton(v6 ? AF_INET6 : AF_INET, host.c_str(), address.mapped_.data() + (v6 ? 0 : kV4At)) != 1)
    return bad("it is neither IPv4 (10.0.0.5) nor IPv6 (fd00::5)");
  if (v6 && address.is_v4()) return bad("write an IPv4 address as such");
  if (!length.empty() && length != (v6 ? "/128" : "/32"))
    return bad(v6 ? "a guest gets single addresses, /128" : "a guest gets single addresses, /32");
  if (!(v6 ? usable_v6(address.mapped_) : usable_v4(address.mapped_.data() + kV4At)))
    return bad("unspecified, loopback, link-local and multicast addresses are no guest's");
  return address;
}

bool IpAddress::is_v4() const { return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), mapped_.begin()); }

std::span<const std::uint8_t> IpAddress::bytes() const {
  const std::span<const std::uint8_t> all{mapped_};
  return is_v4() ? all.subspan(kV4At) : all;
}

std::string IpAddress::text() const {
  char text[INET6_ADDRSTRLEN] = {};
  (void)::inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes().data(), text, sizeof text);
  return text;
}

}  // namespace ubc::os

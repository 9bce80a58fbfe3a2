// SPDX-License-Identifier: Apache-2.0
#include "container/bridged_link.h"

#include <algorithm>
#include <cctype>

namespace ubc::container {
namespace {

constexpr std::size_t kLongestName = 15;   // of an interface

/// What is before the delimiter; `rest` goes on behind it.
std::string_view next_part(std::string_view& rest, char delimiter) {
  const std::size_t end = std::min(rest.find(delimiter), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

Result<std::string> checked_name(std::string_view name, std::string_view whole) {
  const bool good = !name.empty() && name.size() <= kLongestName && name != "." && name != ".." && name != "lo" && name != "all" &&
                    name != "default" && name != "venet0" &&
                    std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; });
  if (good) return std::string{name};
  return os::error(Code::bad_value,
                   "Bad network interface {}: {} is no name for one (letters, digits, - _ and ., at most {}, and not lo or venet0)", whole,
                   name.empty() ? "nothing" : name, kLongestName);
}

Result<> take(BridgedLink& link, std::string_view key, std::string_view value, std::string_view whole) {
  if (key == "ifname")
    link.name = UBC_TRY(checked_name(value, whole));
  else if (key == "host_ifname")
    link.host_name = UBC_TRY(checked_name(value, whole));
  else if (key == "bridge")
    link.bridge = UBC_TRY(checked_name(value, whole));
  else if (key == "mac")
    link.mac = UBC_TRY(os::parse_mac(value));
  else if (key == "host_mac")
    link.host_mac = UBC_TRY(os::parse_mac(value));
  else if (key == "mac_filter" && (value == "on" || value == "off"))
    link.mac_filter = value == "on";
  else
    return os::error(Code::bad_value,
                     "Bad network interface {}: {}={} is none of ifname, mac, host_ifname, host_mac, bridge, mac_filter=on|off", whole, key,
                     value);
  return {};
}

}  // namespace

Result<BridgedLinks> parse_links(std::string_view text) {
  BridgedLinks links;
  while (!text.empty()) {
    const std::string_view whole = next_part(text, ';');
    if (whole.empty()) continue;
    BridgedLink link;
    for (std::string_view rest = whole; !rest.empty();) {
      std::string_view value = next_part(rest, ',');
      const std::string_view key = next_part(value, '=');
      UBC_TRY(take(link, key, value, whole));
    }
    if (link.name.empty() || link.host_name.empty() || link.bridge.empty() || link.mac == os::MacAddress{} ||
        link.host_mac == os::MacAddress{})
      return os::error(Code::bad_value, "Bad network interface {}: it needs ifname, mac, host_ifname, host_mac and bridge", whole);
    links.push_back(std::move(link));
  }
  return links;
}

std::string text_of(const BridgedLinks& links) {
  std::string text;
  for (const BridgedLink& link : links)
    text +=
        fmt::format("{}ifname={},mac={},host_ifname={},host_mac={},bridge={}{}", text.empty() ? "" : ";", link.name, os::text_of(link.mac),
                    link.host_name, os::text_of(link.host_mac), link.bridge, link.mac_filter ? "" : ",mac_filter=off");
  return text;
}

Result<BridgedLink> parse_netif(std::string_view text) {
  std::string_view rest = text;
  BridgedLink link;
  link.name = UBC_TRY(checked_name(next_part(rest, ','), text));
  const std::string_view mac = next_part(rest, ','), host_name = next_part(rest, ','), host_mac = next_part(rest, ','),
                         bridge = next_part(rest, ',');
  if (!rest.empty() || bridge.empty())
    return os::error(Code::bad_value,
                     "Bad network interface {}: say ifname,mac,host_ifname,host_mac,bridge; all but the first and the last may be empty",
                     text);
  link.mac = mac.empty() ? os::made_up_mac() : UBC_TRY(os::parse_mac(mac));
  link.host_mac = host_mac.empty() ? os::made_up_mac() : UBC_TRY(os::parse_mac(host_mac));
  if (!host_name.empty()) link.host_name = UBC_TRY(checked_name(host_name, text));
  link.bridge = UBC_TRY(checked_name(bridge, text));
  return link;
}

std::string default_host_name(const std::string& name, std::uint32_t id) {
  const std::size_t digits = name.find_last_not_of("0123456789") + 1;
  const std::string tail = fmt::format("{}.{}", id, digits < name.size() ? name.substr(digits) : "0");
  const std::string whole = "veth" + tail;
  return whole.size() <= kLongestName ? whole : "v" + tail;
}

BridgedLinks changed(BridgedLinks now, const BridgedChange& change) {
  const auto drop = [&now](const std::string& name) { std::erase_if(now, [&name](const BridgedLink& link) { return link.name == name; }); };
  if (change.drop_all) now.clear();
  for (const std::string& name : change.drop) drop(name);
  for (const BridgedLink& link : change.add) {
    drop(link.name);
    now.push_back(link);
  }
  return now;
}

}  // namespace ubc::container

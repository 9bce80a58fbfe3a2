// SPDX-License-Identifier: Apache-2.0
#include "container/network_settings.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>

#include "os/text_file.h"

namespace ubc::container {
namespace {

Result<> check_words(const std::vector<std::string_view>& words, Result<> (*check)(std::string_view)) {
  for (const std::string_view word : words) UBC_TRY(check(word));
  return {};
}

Result<std::optional<std::string>> resolv_conf_of(const accounting::ConfigFile& config) {
  const std::string servers = config.get("NAMESERVER").value_or(""), domains = config.get("SEARCHDOMAIN").value_or("");
  const auto server_words = os::words_in(servers), domain_words = os::words_in(domains);
  if (server_words.empty() && domain_words.empty()) return std::nullopt;
  UBC_TRY(os::with_context(check_words(server_words, check_nameserver), "NAMESERVER"));
  UBC_TRY(os::with_context(check_words(domain_words, check_searchdomain), "SEARCHDOMAIN"));
  std::string text = "# Written by ubc from NAMESERVER and SEARCHDOMAIN at each start of the container.\n";
  if (!domain_words.empty()) text += fmt::format("search {}\n", fmt::join(domain_words, " "));
  for (const std::string_view word : server_words) text += fmt::format("nameserver {}\n", word);
  return text;
}

/// Bytes a second, of bits.
Result<std::uint64_t> parse_rate(std::string_view whole, std::string_view text) {
  const auto bad = [&] {
    return os::error(Code::bad_value, "Bad rate {}: bits a second, with K, M or G, or unlimited: 10M, 10M:2M", whole);
  };
  if (text == "unlimited") return 0;
  if (text.empty()) return bad();
  std::uint64_t factor = 1;
  switch (std::toupper(static_cast<unsigned char>(text.back()))) {
    case 'K': factor = 1'000; break;
    case 'M': factor = 1'000'000; break;
    case 'G': factor = 1'000'000'000; break;
    default: break;
  }
  if (factor != 1) text.remove_suffix(1);
  const auto number = os::parse_number(text);
  if (!number || std::isdigit(static_cast<unsigned char>(text.front())) == 0) return bad();
  constexpr std::uint64_t kMost = 1'000'000'000'000;
  if (*number > kMost / factor) return os::error(Code::bad_value, "Bad rate {}: at most 1000G", whole);
  const std::uint64_t bits = *number * factor;
  if (bits != 0 && bits < 8'000) return os::error(Code::bad_value, "Bad rate {}: at least 8K", whole);
  return bits / 8;
}

}  // namespace

Result<NetworkSettings> network_in(const accounting::ConfigFile& config) {
  NetworkSettings settings;
  settings.addresses = UBC_TRY(os::with_context(parse_addresses(config.get("IP_ADDRESS").value_or("")), "IP_ADDRESS"));
  const BridgedLinks said = UBC_TRY(os::with_context(parse_links(config.get("NETIF").value_or("")), "NETIF"));
  settings.bridged = changed(BridgedLinks{}, {.drop_all = false, .drop = {}, .add = said});
  if (const auto rate = config.get("RATE"); rate && !rate->empty()) settings.rates = UBC_TRY(os::with_context(parse_rates(*rate), "RATE"));
  settings.resolv_conf = UBC_TRY(resolv_conf_of(config));
  return settings;
}

Result<Addresses> parse_addresses(std::string_view text) {
  Addresses addresses;
  for (const std::string_view word : os::words_in(text)) {
    const os::IpAddress address = UBC_TRY(os::IpAddress::parse(word));
    if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
  }
  return addresses;
}

std::string text_of(const Addresses& addresses) {
  std::string text;
  for (const os::IpAddress& address : addresses) text += fmt::format("{}{}", text.empty() ? "" : " ", address.text());
  return text;
}

Result<Rates> parse_rates(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view first = text.substr(0, colon);
  const std::uint64_t receive = UBC_TRY(parse_rate(text, first));
  const std::uint64_t send = UBC_TRY(parse_rate(text, colon == text.npos ? first : text.substr(colon + 1)));
  return Rates{receive, send};
}

Result<> check_nameserver(std::string_view text) {
  std::uint8_t bytes[16];
  const std::string address{text};
  const bool good = ::inet_pton(AF_INET, address.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, address.c_str(), bytes) == 1;
  return good ? Result<>{} : Result<>{os::error(Code::bad_value, "Bad name server {}: an IPv4 or IPv6 address", os::printable(text))};
}

Result<> check_searchdomain(std::string_view text) {
  const bool good = !text.empty() && text.size() <= 253 && text.front() != '-' &&
                    std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_'; });
  return good ? Result<>{}
              : Result<>{os::error(Code::bad_value, "Bad domain {}: letters, digits, - . and _, at most 253", os::printable(text))};
}

Addresses changed(Addresses now, const AddressChange& change) {
  const auto is_in = [](const Addresses& list) {
    return [&list](const os::IpAddress& address) { return std::ranges::find(list, address) != list.end(); };
  };
  if (change.drop_all) now.clear();
  std::erase_if(now, is_in(change.drop));
  for (const os::IpAddress& address : change.add)
    if (!is_in(now)(address)) now.push_back(address);
  return now;
}

}  // namespace ubc::container

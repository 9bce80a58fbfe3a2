// SPDX-License-Identifier: Apache-2.0
// Barrier and limit of one resource, and their text as vzctl wrote it: N[suffix][:N[suffix]] or "unlimited" in either place.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accounting/resource.h"
#include "os/result.h"

namespace ubc::accounting {

/// A number that may not be there. UBC_UNLIMITED never enters arithmetic.
class Limit {
 public:
  static constexpr Limit unlimited() { return Limit{UBC_UNLIMITED}; }
  /// 2147483647, LONG_MAX of 32-bit hosts, means unlimited too: configuration files were carried over.
  static constexpr Limit at(std::uint64_t amount) {
    return Limit{amount >= UBC_UNLIMITED || amount == 0x7fffffff ? UBC_UNLIMITED : amount};
  }
  [[nodiscard]] constexpr bool is_unlimited() const { return amount_ == UBC_UNLIMITED; }
  /// In the resource's unit; UBC_UNLIMITED where unlimited, as the ledger has it.
  [[nodiscard]] constexpr std::uint64_t raw() const { return amount_; }
  auto operator<=>(const Limit&) const = default;

 private:
  constexpr explicit Limit(std::uint64_t amount) : amount_{amount} {}
  std::uint64_t amount_;
};

struct Limits {
  Limit barrier = Limit::unlimited();
  Limit limit = Limit::unlimited();
  bool operator==(const Limits&) const = default;
};

/// By resource number; nullopt: not said.
using AllLimits = std::array<std::optional<Limits>, UBC_RESOURCES>;

/// Of "100:120", "64M", "unlimited:1G", "2.2G". A bare number is in the resource's unit; suffixes T G M K (powers of 1024), P (pages), B
/// (bytes), either case, not for items. Bytes become pages rounded down. Fails with Code::bad_value: garbage, a suffix on items, barrier
/// over limit.
[[nodiscard]] Result<Limits> parse_limits(const ResourceInfo& resource, std::string_view text);
/// The same, but a barrier over the limit passes: a validator has to see it. `name` is what a failure calls it.
[[nodiscard]] Result<Limits> parse_pair(std::string_view name, Unit unit, std::string_view text);
/// DISKSPACE's soft:hard. A bare number is KiB, a suffix as above; KiB, rounded down. "unlimited" is none of its values.
[[nodiscard]] Result<Limits> parse_diskspace(std::string_view text);
/// DISKINODES' soft:hard; a suffix multiplies.
[[nodiscard]] Result<Limits> parse_diskinodes(std::string_view text);

/// --ram, --swap: bytes with suffix, rounded up to pages; barrier 0.
[[nodiscard]] Result<Limits> parse_ram(std::string_view option, std::string_view text);

/// "b:l", or "v" where both are the same; unlimited as "unlimited"; no suffix.
[[nodiscard]] std::string format_limits(const Limits& limits);

/// Always "b:l": the form of DISKSPACE and DISKINODES.
[[nodiscard]] std::string format_pair(const Limits& limits);

/// For people: bytes and pages as "64M" (pages times the page size), items as they are, unlimited as "-". Three digits or so.
[[nodiscard]] std::string format_amount(Unit unit, std::uint64_t amount);

}  // namespace ubc::accounting

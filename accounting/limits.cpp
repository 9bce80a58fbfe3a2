// SPDX-License-Identifier: Apache-2.0
#include "accounting/limits.h"

#include <charconv>
#include <cmath>
#include <optional>

namespace ubc::accounting {
namespace {

struct Scaled {
  long double number = 0;
  char suffix = 0;   ///< upper case; 0: none
};

std::optional<Scaled> split_suffix(std::string_view text) {
  Scaled result;
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  if (const char last = text.back(); last < '0' || last > '9') {
    result.suffix = static_cast<char>(last & ~0x20);
    text.remove_suffix(1);
  }
  if (text.find_first_not_of("0123456789.") != text.npos || (result.suffix == 0 && text.contains('.'))) return std::nullopt;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), result.number);
  if (wrong != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return result;
}

/// Bytes that the suffix stands for; nullopt: no such suffix.
std::optional<std::uint64_t> bytes_of_suffix(char suffix) {
  switch (suffix) {
    case 'B': return 1;
    case 'P': return kPageSize;
    case 'K': return 1ULL << 10;
    case 'M': return 1ULL << 20;
    case 'G': return 1ULL << 30;
    case 'T': return 1ULL << 40;
    default: return std::nullopt;
  }
}

Limit saturated(long double amount) {
  return amount >= static_cast<long double>(UBC_UNLIMITED) ? Limit::unlimited() : Limit::at(static_cast<std::uint64_t>(amount));
}

std::string_view forms_of(Unit unit) {
  return unit == Unit::items ? "a whole number or unlimited" : "a number with T, G, M, K, P (pages) or B (bytes) after it, or unlimited";
}

Result<Limit> parse_limit(std::string_view name, Unit unit, std::string_view text) {
  if (text == "unlimited") return Limit::unlimited();
  const auto scaled = split_suffix(text);
  const auto refused = [&] {
    return os::error(Code::bad_value, "Bad parameter for --{}: {}: each of barrier and limit is {}", name, text, forms_of(unit));
  };
  if (!scaled) return refused();
  if (scaled->suffix == 0) return saturated(scaled->number);
  const auto factor = bytes_of_suffix(scaled->suffix);
  if (!factor || unit == Unit::items) return refused();
  const long double bytes = std::floor(scaled->number * static_cast<long double>(*factor));
  return saturated(unit == Unit::pages ? std::floor(bytes / kPageSize) : bytes);
}

/// What a suffixed number is divided by: a KiB, or nothing.
Result<Limit> parse_disk_number(std::string_view name, std::uint64_t divisor, std::string_view text) {
  const auto scaled = split_suffix(text);
  const auto factor = scaled ? scaled->suffix == 0 ? divisor : bytes_of_suffix(scaled->suffix) : std::nullopt;
  if (!factor)
    return os::error(Code::bad_value, "Bad parameter for --{}: {}: each of soft and hard limit is a number, with T, G, M, K after it", name,
                     text);
  return saturated(std::floor(scaled->number * static_cast<long double>(*factor) / static_cast<long double>(divisor)));
}

/// `one` of what stands on each side of the colon; without one it stands for both.
template <typename One>
Result<Limits> parse_both(std::string_view text, One one) {
  const std::size_t colon = text.find(':');
  Limits limits;
  limits.barrier = UBC_TRY(one(text.substr(0, colon)));
  limits.limit = colon == text.npos ? limits.barrier : UBC_TRY(one(text.substr(colon + 1)));
  return limits;
}

}  // namespace

Result<Limits> parse_pair(std::string_view name, Unit unit, std::string_view text) {
  return parse_both(text, [&](std::string_view part) { return parse_limit(name, unit, part); });
}

Result<Limits> parse_diskspace(std::string_view text) {
  return parse_both(text, [](std::string_view part) { return parse_disk_number("diskspace", 1024, part); });
}

Result<Limits> parse_diskinodes(std::string_view text) {
  return parse_both(text, [](std::string_view part) { return parse_disk_number("diskinodes", 1, part); });
}

Result<Limits> parse_limits(const ResourceInfo& resource, std::string_view text) {
  const Limits limits = UBC_TRY(parse_pair(resource.name, resource.unit, text));
  if (limits.barrier > limits.limit)
    return os::error(Code::bad_value, "Bad parameter for --{}: {}: the barrier is over the limit; say barrier:limit, the smaller first",
                     resource.name, text);
  return limits;
}

Result<Limits> parse_ram(std::string_view option, std::string_view text) {
  const auto scaled = split_suffix(text);
  const auto factor = scaled ? bytes_of_suffix(scaled->suffix == 0 ? 'B' : scaled->suffix) : std::nullopt;
  if (text != "unlimited" && !factor)
    return os::error(Code::bad_value, "Bad parameter for --{}: {}: it is bytes, with T, G, M, K or P after the number, or unlimited",
                     option, text);
  const Limit limit =
      text == "unlimited" ? Limit::unlimited() : saturated(std::ceil(scaled->number * static_cast<long double>(*factor) / kPageSize));
  return Limits{Limit::at(0), limit};
}

std::string format_pair(const Limits& limits) {
  const auto one = [](Limit limit) { return limit.is_unlimited() ? std::string{"unlimited"} : std::to_string(limit.raw()); };
  return one(limits.barrier) + ":" + one(limits.limit);
}

std::string format_limits(const Limits& limits) {
  const std::string both = format_pair(limits);
  return limits.barrier == limits.limit ? both.substr(0, both.find(':')) : both;
}

std::string format_amount(Unit unit, std::uint64_t amount) {
  if (Limit::at(amount).is_unlimited()) return "-";
  if (unit == Unit::items) return std::to_string(amount);
  double value = static_cast<double>(amount) * (unit == Unit::pages ? static_cast<double>(kPageSize) : 1.0);
  const char* letter = "BKMGTPE";
  while (value >= 1024 && letter[1] != 0) {
    value /= 1024;
    ++letter;
  }
  if (*letter == 'B') return fmt::format("{:.0f}", value);
  return value >= 100 || value == std::floor(value) ? fmt::format("{:.0f}{}", value, *letter) : fmt::format("{:.3g}{}", value, *letter);
}

}  // namespace ubc::accounting

// SPDX-License-Identifier: Apache-2.0
#include "accounting/resource.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

namespace ubc::accounting {
namespace {

std::string lower(std::string_view text) {
  std::string result{text};
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

/// `small` is all small letters.
bool same_but_for_case(std::string_view text, std::string_view small) {
  constexpr int kCase = 'a' - 'A';
  return text.size() == small.size() &&
         std::ranges::equal(text, small, [](char a, char b) { return a == b || (a >= 'A' && a <= 'Z' && a + kCase == b); });
}

/// Letters to change, add or drop to make one of the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

const ResourceInfo* find_resource(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kAliases[] = {{"dcache", "dcachesize"}, {"iptentries", "numiptent"}};
  for (const auto& [alias, meant] : kAliases)
    if (same_but_for_case(name, alias)) name = meant;
  const auto found = std::ranges::find_if(kResources, [name](const ResourceInfo& info) { return same_but_for_case(name, info.name); });
  return found == kResources.end() ? nullptr : &*found;
}

const ResourceInfo* info_of(ubc_resource resource) {
  const auto found = std::ranges::find(kResources, resource, &ResourceInfo::resource);
  return found == kResources.end() ? nullptr : &*found;
}

std::optional<std::string_view> nearest_name(std::string_view mistyped) {
  const std::string wanted = lower(mistyped);
  const auto best = std::ranges::min_element(kResources, {}, [&](const ResourceInfo& info) { return distance(wanted, info.name); });
  return distance(wanted, best->name) <= 3 ? std::optional{best->name} : std::nullopt;
}

Result<const ResourceInfo*> parse_resource(std::string_view name) {
  if (const ResourceInfo* info = find_resource(name)) return info;
  const auto near = nearest_name(name);
  return os::error(Code::bad_value, "Unknown resource {}{}: ubctl features lists them", name,
                   near ? fmt::format(" (did you mean {}?)", *near) : "");
}

}  // namespace ubc::accounting

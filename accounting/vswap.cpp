// SPDX-License-Identifier: Apache-2.0
#include "accounting/vswap.h"

#include <charconv>
#include <cmath>

namespace ubc::accounting {
namespace {

Limit sum_of(Limit a, Limit b) { return a.is_unlimited() || b.is_unlimited() ? Limit::unlimited() : Limit::at(a.raw() + b.raw()); }

Limit times(Limit limit, double factor) {
  if (limit.is_unlimited() || factor == 0) return Limit::unlimited();
  const double product = static_cast<double>(limit.raw()) * factor;
  return product >= static_cast<double>(UBC_UNLIMITED) ? Limit::unlimited() : Limit::at(static_cast<std::uint64_t>(product));
}

}  // namespace

bool is_vswap(const AllLimits& said) { return said[UBC_PHYSPAGES] && !said[UBC_PHYSPAGES]->limit.is_unlimited(); }

Result<double> parse_overcommit(std::string_view text) {
  double factor = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), factor, std::chars_format::fixed);
  if (wrong != std::errc{} || end != text.data() + text.size() || !std::isfinite(factor) || std::signbit(factor))
    return os::error(Code::bad_value, "Bad parameter for --vm_overcommit: {}: a number like 1.5 (privvmpages = (ram + swap) * 1.5), or 0",
                     text);
  return factor;
}

AllLimits with_vswap_defaults(AllLimits said, double overcommit) {
  if (!is_vswap(said)) return said;
  const Limit ram = said[UBC_PHYSPAGES]->limit;
  const Limit all = sum_of(ram, said[UBC_SWAPPAGES] ? said[UBC_SWAPPAGES]->limit : Limit::unlimited());
  const auto fill = [&](ubc_resource resource, Limit barrier, Limit limit) {
    if (!said[resource]) said[resource] = Limits{barrier, limit};
  };
  fill(UBC_LOCKEDPAGES, ram, ram);
  fill(UBC_OOMGUARPAGES, ram, Limit::unlimited());
  fill(UBC_VMGUARPAGES, all, Limit::unlimited());
  fill(UBC_PRIVVMPAGES, times(all, overcommit), times(all, overcommit));
  return said;
}

AllLimits limits_to_apply(AllLimits changes, const AllLimits& said, double overcommit) {
  const AllLimits filled = with_vswap_defaults(said, overcommit);
  for (const ResourceInfo& info : kResources)
    if (!said[info.resource]) changes[info.resource] = filled[info.resource];
  return changes;
}

}  // namespace ubc::accounting

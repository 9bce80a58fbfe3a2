// SPDX-License-Identifier: Apache-2.0
#include "container/boot_order.h"

#include <algorithm>

#include "accounting/config_file.h"
#include "container/adopted_record.h"
#include "container/container_record.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

Result<std::optional<BootWish>> read_wish(const Host& host, std::uint32_t id) {
  const auto config = UBC_TRY(accounting::ConfigFile::load(host.paths.config_of(id)));
  if (config.get("ONBOOT").value_or("no") != "yes") return std::nullopt;
  BootWish wish{.id = id, .order = {}};
  if (const auto order = config.get("BOOTORDER"); order && !order->empty())
    wish.order = UBC_TRY(os::with_context(os::parse_number(*order), "BOOTORDER"));
  return wish;
}

}  // namespace

std::vector<std::uint32_t> in_boot_order(std::vector<BootWish> wishes) {
  std::ranges::sort(wishes, [](const BootWish& a, const BootWish& b) { return a.order == b.order ? a.id < b.id : a.order > b.order; });
  std::vector<std::uint32_t> ids;
  for (const BootWish& wish : wishes) ids.push_back(wish.id);
  return ids;
}

std::vector<BootWish> boot_wishes(const Host& host, std::vector<std::string>& notes) {
  std::vector<BootWish> wishes;
  for (const std::uint32_t id : known_ids(host)) {
    if (read_adopted(host, id)) continue;
    const auto wish = os::with_context(read_wish(host, id), fmt::format("whether container {} starts at boot", id));
    if (!wish)
      notes.push_back(wish.error().message);
    else if (*wish)
      wishes.push_back(**wish);
  }
  return wishes;
}

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
#include "accounting/user_beancounters.h"

namespace ubc::accounting {

std::string user_beancounters(const std::vector<ContainerSnapshot>& containers) {
  std::string text = "Version: 2.5\n";
  text += fmt::format("{:>10}  {:<12} {:>20} {:>20} {:>20} {:>20} {:>20}\n", "uid", "resource", "held", "maxheld", "barrier", "limit",
                      "failcnt");
  for (const ContainerSnapshot& container : containers)
    for (int row = 0; row < kClassicRows; ++row) {
      const auto resource = static_cast<ubc_resource>(row);
      const ResourceInfo* info = info_of(resource);
      const Beancounter& b = container.snapshot.of(resource);
      text += fmt::format("{:>10}  {:<12} {:>20} {:>20} {:>20} {:>20} {:>20}\n", row == 0 ? fmt::format("{}:", container.ctid) : "",
                          info == nullptr ? "dummy" : info->name, b.held, b.maxheld, b.barrier, b.limit, b.failcnt);
    }
  return text;
}

}  // namespace ubc::accounting

// SPDX-License-Identifier: Apache-2.0
// start --onboot: what ubc-boot.service runs. What an unclean end of the host left is mended first.
#include "cli/options.h"
#include "container/adopted_record.h"
#include "container/boot_order.h"
#include "container/container.h"

namespace ubc::cli {
namespace {

using container::Host;

/// Taking the lock mends what is there to mend.
void mend_all(const Host& host) {
  for (const std::uint32_t id : container::known_ids(host))
    if (!container::read_adopted(host, id))
      if (const auto mended = container::lock_container(host, id, "boot"); !mended) warn({mended.error().message});
}

Result<> start_if_stopped(const Host& host, const Say& say, std::uint32_t id) {
  const auto lock = UBC_TRY(container::lock_container(host, id, "start"));
  return container::running(host, id) ? Result<>{} : start_told(host, say, id, false);
}

}  // namespace

int start_onboot(const Host& host, const Say& say) {
  mend_all(host);
  std::vector<std::string> notes;
  const std::vector<std::uint32_t> order = container::in_boot_order(container::boot_wishes(host, notes));
  warn(notes);
  int exit_code = notes.empty() ? exit_ok : exit_bad_value;
  for (const std::uint32_t id : order) {
    say(fmt::format("Container {}", id));
    const auto started = os::with_context(start_if_stopped(host, say, id), fmt::format("container {}", id));
    if (!started) exit_code = fail(started.error());
  }
  return exit_code;
}

}  // namespace ubc::cli

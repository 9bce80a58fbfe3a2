// SPDX-License-Identifier: Apache-2.0
#include "container/proc_views.h"

#include "isolate/proc_views.h"

namespace ubc::container {

void plan_proc_views(isolate::GuestSpec& spec, std::vector<std::string>& notes) {
  auto views = isolate::take_proc_views(kLxcfs);
  if (views)
    spec.proc_views = *std::move(views);
  else
    notes.push_back(fmt::format("its /proc/meminfo and the like say the host's numbers: lxcfs: {}", views.error().message));
}

Result<> check_views_of(const Running& guest) { return isolate::check_proc_views(guest.record.init_pid); }

Result<> renew_views_of(const Running& guest) {
  const auto views = UBC_TRY(isolate::take_proc_views(kLxcfs));
  if (views.empty())
    return os::error(Code::not_found, "lxcfs is not mounted at {}: start it and say ubctl doctor --repair, or restart the container",
                     kLxcfs);
  return isolate::replace_proc_views(guest.pidfd, views);
}

}  // namespace ubc::container

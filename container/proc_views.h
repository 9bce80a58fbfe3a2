// SPDX-License-Identifier: Apache-2.0
// What a guest's /proc/meminfo and the like say, where this host has lxcfs mounted. Without it they say the host's numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "container/container.h"
#include "container/host.h"
#include "isolate/guest_spec.h"
#include "os/result.h"

namespace ubc::container {

/// Where its package mounts it.
inline constexpr const char* kLxcfs = "/var/lib/lxcfs";

/// A start goes on without it: why goes to `notes`.
void plan_proc_views(isolate::GuestSpec& spec, std::vector<std::string>& notes);

/// Fails where the guest's files are those of an lxcfs that has ended or hangs: it can read none of them.
[[nodiscard]] Result<> check_views_of(const Running& guest);
/// Gives it those of the lxcfs that is mounted now. Fails with Code::not_found where there is none.
[[nodiscard]] Result<> renew_views_of(const Running& guest);

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
// lxcfs: a file system of a process of the host's, whose /proc files say to each reader what his own cgroup may and does take.
#pragma once

#include <string>
#include <vector>

#include "isolate/guest_spec.h"
#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

/// The files that it may stand in for.
inline constexpr const char* kProcViews[] = {"cpuinfo", "diskstats", "loadavg", "meminfo", "stat", "swaps", "uptime"};

/// Of what is mounted at `directory`, copies for a guest: its proc/NAME, read-only. Nothing is mounted there: none. Fails where it does not
/// answer: with Code::busy after two seconds, or as it fails.
[[nodiscard]] Result<std::vector<ProcView>> take_proc_views(const std::string& directory);

/// Fails where the files of the guest whose first process this is are those of one that has ended, or does not answer.
[[nodiscard]] Result<> check_proc_views(pid_t init);
/// Puts these over those of a guest that runs. They are not locked: its root can take them off, and is then where it was.
[[nodiscard]] Result<> replace_proc_views(const os::Fd& guest, const std::vector<ProcView>& views);

}  // namespace ubc::isolate

// SPDX-License-Identifier: Apache-2.0
// What a container is guaranteed of the host's memory rather than limited to: vmguarpages.
#pragma once

#include <cstdint>
#include <string>

#include "container/host.h"
#include "os/cgroup_dir.h"
#include "os/result.h"

namespace ubc::container {

/// vmguarpages: memory.low of the container whose `cgroup` this is, and of ubc/ the sum of all containers', or the kernel would protect
/// none below it. A group's is its members' sum too, or its own number where that is less.
[[nodiscard]] Result<> guarantee_memory(const Host& host, const std::string& cgroup, std::uint64_t bytes);
/// Of a cgroup below a container's: it shares what the container is guaranteed. Without memory_recursiveprot, a cgroup is protected by what
/// it says itself only.
[[nodiscard]] Result<> share_guarantee(const os::CgroupDir& below);
/// All sums anew: a group has another number, or a container's cgroup has gone by itself.
[[nodiscard]] Result<> sum_guarantees(const Host& host);

}  // namespace ubc::container

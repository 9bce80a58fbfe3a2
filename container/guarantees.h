// SPDX-License-Identifier: Apache-2.0
// What a container is guaranteed of the host's memory rather than limited to: vmguarpages.
#pragma once

#include <cstdint>

#include "accounting/limits.h"
#include "container/host.h"
#include "os/result.h"

namespace ubc::container {

/// vmguarpages: memory.low of the container, and of ubc/ the sum of all containers', or the kernel would protect none below it. A group's
/// is its members' sum too, or its own number where that is less.
[[nodiscard]] Result<> guarantee_memory(const Host& host, std::uint32_t id, const accounting::Limits& vmguarpages);
/// Of a cgroup below a container's: it shares what the container is guaranteed. Without memory_recursiveprot, a cgroup is protected by what
/// it says itself only.
[[nodiscard]] Result<> share_guarantee(const os::CgroupDir& below);
/// A container has gone: its part of the sums goes too.
[[nodiscard]] Result<> sum_guarantees(const Host& host);

}  // namespace ubc::container

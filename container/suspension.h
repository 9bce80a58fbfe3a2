// SPDX-License-Identifier: Apache-2.0
// A running container, adopted ones too, stopped where it is and let go on: the freezer of its cgroup.
#pragma once

#include <cstdint>

#include "container/host.h"
#include "os/result.h"

namespace ubc::container {

[[nodiscard]] bool is_suspended(const Host& host, std::uint32_t id);
/// Returns when no task of it runs. Fails with Code::bad_state where it does not run or is suspended, with Code::busy where a task hangs in
/// the kernel, and it goes on then.
[[nodiscard]] Result<> suspend(const Host& host, std::uint32_t id);
/// Fails with Code::bad_state where it does not run or is not suspended.
[[nodiscard]] Result<> resume(const Host& host, std::uint32_t id);

}  // namespace ubc::container

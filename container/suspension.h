// SPDX-License-Identifier: Apache-2.0
// A running container, adopted ones too, stopped where it is and let go on: the freezer of its cgroup.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <utility>

#include "container/host.h"
#include "os/fd.h"
#include "os/result.h"

namespace ubc::container {

[[nodiscard]] bool is_suspended(const Host& host, std::uint32_t id);
/// The same of its cgroup.
[[nodiscard]] bool is_suspended(const os::CgroupDir& cgroup);
/// Returns when no task of it runs. Fails with Code::bad_state where it does not run or is suspended, with Code::busy where a task hangs in
/// the kernel, and it goes on then.
[[nodiscard]] Result<> suspend(const Host& host, std::uint32_t id);
/// Fails with Code::bad_state where it does not run or is not suspended.
[[nodiscard]] Result<> resume(const Host& host, std::uint32_t id);

/// A running container that stands still while this lives, and goes on however its holder ends: a process of ours waits for that.
class StandingStill {
 public:
  /// Fails as suspend() does; one that is suspended already is not for this.
  [[nodiscard]] static Result<StandingStill> of(const Host& host, std::uint32_t id);
  StandingStill(StandingStill&& other) noexcept : held_{std::move(other.held_)}, waiter_{std::exchange(other.waiter_, -1)} {}
  StandingStill& operator=(StandingStill&&) = delete;
  ~StandingStill();

 private:
  StandingStill() = default;

  os::Fd held_;  ///< its end is what the waiter waits for
  pid_t waiter_ = -1;
};

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
// Empty programs at the very places where a plan's hooks go.
#pragma once

#include <memory>

#include "bpf/hook_plan.h"
#include "os/result.h"

struct empty_bpf;

namespace ubc::bench {

/// Attached for as long as it lives.
class EmptyHooks {
 public:
  /// Of that group. Fails with Code::corrupt where empty.bpf.c has no program for a hook of it, or has it elsewhere than ubc.bpf.c. Needs
  /// root.
  [[nodiscard]] static Result<EmptyHooks> attach(const bpf::HookPlan& plan, bpf::HookGroup group);

 private:
  struct Destroy {
    void operator()(empty_bpf* skeleton) const;
  };
  std::unique_ptr<empty_bpf, Destroy> skeleton_;
};

}  // namespace ubc::bench

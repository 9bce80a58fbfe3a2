// SPDX-License-Identifier: Apache-2.0
// What this kernel lets us do with each resource: printed for the table at the end of ./dev test, and held against what the docs promise.
#include <gtest/gtest.h>

#include <cstdio>

#include "accounting/resource.h"
#include "bpf/hook_plan.h"
#include "bpf/kernel_support.h"

namespace ubc::test {
namespace {

TEST(Modes, EveryResourceIsExactOrTheKernelsOwn) {
  const bpf::HookPlan plan = bpf::decide_hooks(bpf::probe_kernel(), true);
  for (const accounting::ResourceInfo& info : accounting::kResources) {
    const bpf::Mode mode = plan.modes[info.resource].mode;
    std::printf("mode of %s: %s\n", info.name.data(), name_of(mode).data());
    EXPECT_TRUE(mode == bpf::Mode::exact || mode == bpf::Mode::kernel) << info.name << ": " << plan.modes[info.resource].reason;
  }
}

}  // namespace
}  // namespace ubc::test

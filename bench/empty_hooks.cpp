// SPDX-License-Identifier: Apache-2.0
#include "bench/empty_hooks.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "empty.skel.h"
#include "ubc.skel.h"

namespace ubc::bench {
namespace {

struct DestroyOurs {
  void operator()(ubc_bpf* skeleton) const { ubc_bpf__destroy(skeleton); }
};

Result<> compare_places(const bpf_object& empty, const std::vector<bpf::Hook>& places) {
  const std::unique_ptr<ubc_bpf, DestroyOurs> ours{ubc_bpf__open()};
  if (!ours) return os::sys_error(errno, "open the BPF object");
  for (const bpf::Hook& hook : places) {
    if (!bpf::is_triggered(hook)) continue;
    const std::string name{hook.program};
    const bpf_program* mine = bpf_object__find_program_by_name(ours->obj, name.c_str());
    const bpf_program* other = bpf_object__find_program_by_name(&empty, name.c_str());
    if (mine == nullptr || other == nullptr || std::strcmp(bpf_program__section_name(mine), bpf_program__section_name(other)) != 0)
      return os::error(Code::corrupt, "empty.bpf.c does not have {} where ubc.bpf.c has it", name);
  }
  return {};
}

}  // namespace

void EmptyHooks::Destroy::operator()(empty_bpf* skeleton) const { empty_bpf__destroy(skeleton); }

Result<EmptyHooks> EmptyHooks::attach(const bpf::HookPlan& plan, bpf::HookGroup group) {
  EmptyHooks hooks;
  hooks.skeleton_.reset(empty_bpf__open());
  if (!hooks.skeleton_) return os::sys_error(errno, "open the empty BPF object");
  bpf_object* object = hooks.skeleton_->obj;
  const std::vector<bpf::Hook> places = plan.of(group);
  UBC_TRY(compare_places(*object, places));
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const bool wanted = std::ranges::any_of(places, [&](const bpf::Hook& hook) { return hook.program == bpf_program__name(program); });
    (void)bpf_program__set_autoload(program, wanted);
  }
  if (const int failed = empty_bpf__load(hooks.skeleton_.get()); failed != 0) return os::sys_error(-failed, "load the empty BPF programs");
  if (const int failed = empty_bpf__attach(hooks.skeleton_.get()); failed != 0)
    return os::sys_error(-failed, "attach the empty BPF programs");
  return hooks;
}

}  // namespace ubc::bench

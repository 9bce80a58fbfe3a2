// SPDX-License-Identifier: Apache-2.0
// One generation of programs: the BPF object with the programs of some hooks, loaded, and each of them attached and pinned. For bpf/ alone.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/attached_hooks.h"
#include "bpf/hook_plan.h"
#include "os/result.h"

struct ubc_bpf;

namespace ubc::bpf {

class HookObject {
 public:
  /// `shared`: where the maps are pinned that these programs join; empty: they get maps of their own. Fails with Code::unsupported where
  /// the pinned maps have another layout than these programs.
  [[nodiscard]] static Result<HookObject> load(const std::vector<Hook>& hooks, const HookSettings& settings, const std::string& shared);

  /// The links, programs and printed files go to the directories below `pins`. `cgroup`: for a hook that is attached to one.
  [[nodiscard]] Result<> attach_and_pin(const Hook& hook, const std::string& cgroup, const std::string& pins) const;
  [[nodiscard]] Result<> pin_maps(const std::string& pins) const;
  [[nodiscard]] Result<> pin_mark(const std::string& path) const;

  /// Names the programs that this build has, whatever was chosen of them: the layout of what is shared, and a digest.
  [[nodiscard]] static std::string id();

 private:
  struct Close {
    void operator()(ubc_bpf* skeleton) const;
  };
  using Skeleton = std::unique_ptr<ubc_bpf, Close>;
  explicit HookObject(Skeleton skeleton) : skeleton_{std::move(skeleton)} {}
  [[nodiscard]] Result<> configure(const HookSettings& settings) const;
  [[nodiscard]] Result<> share_maps(const std::string& pins) const;
  void choose_programs(const std::vector<Hook>& hooks) const;
  Skeleton skeleton_;
};

}  // namespace ubc::bpf

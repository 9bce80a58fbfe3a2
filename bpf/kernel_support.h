// SPDX-License-Identifier: Apache-2.0
// What this kernel has, learnt by really loading and attaching: facts only, no judgement. decide_hooks() judges.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "os/result.h"

namespace ubc::bpf {

/// An ability with the kernel's own words where it is missing.
struct Ability {
  bool present = false;
  std::string reason;   ///< why not; empty where present
};

struct KernelSupport {
  std::string release;               ///< uname -r
  Ability btf;                       ///< /sys/kernel/btf/vmlinux
  Ability lsm;                       ///< BPF LSM programs attach, and "bpf" is in the kernel's lsm list
  Ability lsm_file_alloc;            ///< ... also on file_alloc_security (not on 7.x)
  Ability fmod_ret;
  Ability fentry;
  Ability kprobe;
  Ability iterators;
  std::optional<bool> preemptible;   ///< the kernel preempts itself, so tracing programs can be skipped; nullopt: could not be read
  std::set<std::string, std::less<>> functions;  ///< those of hooks() that the kernel's BTF knows, or that of a loaded module
  /// Those of hooks() that are loaded or can be. Of one that is not loaded yet all functions are taken to be there.
  std::set<std::string, std::less<>> modules;
};

struct ProbePaths {
  std::string lsm_list = "/sys/kernel/security/lsm";
  std::string preempt = "/sys/kernel/debug/sched/preempt";
  std::string btf = "/sys/kernel/btf/vmlinux";
  std::string modules = "/lib/modules";
};

/// Loads and attaches one empty program for each ability, and takes them off again. Needs root; never fails: what can't be learnt is absent
/// with its reason.
[[nodiscard]] KernelSupport probe_kernel(const ProbePaths& paths = {});

/// "none voluntary (full) lazy" → true; nullopt where no mode is in parentheses. (Pure.)
[[nodiscard]] std::optional<bool> parse_preempt_mode(std::string_view text);

}  // namespace ubc::bpf

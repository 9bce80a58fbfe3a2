// SPDX-License-Identifier: Apache-2.0
#include "exporter/confinement.h"

#include <seccomp.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>

namespace ubc::exporter {
namespace {

using Capabilities = std::unique_ptr<void, int (*)(void*)>;
using Filter = std::unique_ptr<void, void (*)(scmp_filter_ctx)>;

bool is_kept(cap_value_t capability) { return std::ranges::find(kKeptCapabilities, capability) != kKeptCapabilities.end(); }

/// What an exec could bring back. Without CAP_SETPCAP (systemd took it) they are gone already.
Result<> drop_bounding_set() {
  for (cap_value_t capability = 0; CAP_IS_SUPPORTED(capability); ++capability)
    if (!is_kept(capability) && cap_get_bound(capability) == 1 && cap_drop_bound(capability) != 0 && errno != EPERM)
      return os::sys_error(errno, "drop from the bounding set capability", std::to_string(capability));
  return {};
}

}  // namespace

Result<> drop_capabilities() {
  UBC_TRY(drop_bounding_set());
  (void)cap_reset_ambient();
  const Capabilities had{cap_get_proc(), cap_free}, kept{cap_init(), cap_free};
  if (had == nullptr || kept == nullptr) return os::sys_error(errno, "read", "the process's capabilities");
  for (const cap_value_t capability : kKeptCapabilities) {
    cap_flag_value_t has = CAP_CLEAR;
    if (cap_get_flag(static_cast<cap_t>(had.get()), capability, CAP_PERMITTED, &has) != 0 || has != CAP_SET) continue;
    for (const cap_flag_t set : {CAP_PERMITTED, CAP_EFFECTIVE})
      if (cap_set_flag(static_cast<cap_t>(kept.get()), set, 1, &capability, CAP_SET) != 0)
        return os::sys_error(errno, "keep capability", std::to_string(capability));
  }
  if (cap_set_proc(static_cast<cap_t>(kept.get())) != 0) return os::sys_error(errno, "drop", "the process's capabilities");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return os::sys_error(errno, "set", "no_new_privs");
  return {};
}

Result<> confine_calls() {
  const Filter filter{seccomp_init(SCMP_ACT_KILL_PROCESS), seccomp_release};
  if (filter == nullptr) return os::error(Code::no_resources, "make a filter of system calls: no memory");
  if (const int failed = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1); failed != 0)
    return os::sys_error(-failed, "filter system calls of", "all threads");
  for (const std::string_view name : kAllowedCalls) {
    const int call = seccomp_syscall_resolve_name(std::string{name}.c_str());
    if (call == __NR_SCMP_ERROR) return os::error(Code::corrupt, "filter system calls: libseccomp does not know {}", name);
    if (const int failed = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0); failed != 0)
      return os::sys_error(-failed, "allow the system call", std::string{name});
  }
  if (const int failed = seccomp_load(filter.get()); failed != 0) return os::sys_error(-failed, "load", "the filter of system calls");
  return {};
}

}  // namespace ubc::exporter

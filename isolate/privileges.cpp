// SPDX-License-Identifier: Apache-2.0
#include "isolate/privileges.h"

#include <grp.h>
#include <linux/close_range.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "isolate/seccomp.h"

namespace ubc::isolate {
namespace {

/// Acts on the whole host, or on nothing that a guest has. The user namespace makes them powerless already: this is the second wall.
constexpr cap_value_t kDropped[] = {CAP_SYS_MODULE,         CAP_SYS_RAWIO,  CAP_SYS_TIME,      CAP_WAKE_ALARM,   CAP_MAC_ADMIN,
                                    CAP_MAC_OVERRIDE,       CAP_SYSLOG,     CAP_BLOCK_SUSPEND, CAP_PERFMON,      CAP_BPF,
                                    CAP_CHECKPOINT_RESTORE, CAP_AUDIT_READ, CAP_AUDIT_WRITE,   CAP_AUDIT_CONTROL};

struct ResourceLimit {
  int resource;
  rlim_t soft, hard;
};
constexpr ResourceLimit kResourceLimits[] = {
    {RLIMIT_NOFILE, 1024, 524288},
    {RLIMIT_NPROC, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_CORE, 0, 0},
    {RLIMIT_STACK, 8 << 20, RLIM_INFINITY},
    {RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_DATA, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_RTPRIO, 0, 0},
    {RLIMIT_NICE, 0, 0},
};

Result<> set_resource_limits() {
  for (const auto& [resource, soft, hard] : kResourceLimits) {
    const rlimit wanted{soft, hard};
    // An admin's own hard limit may be lower, and guest root has no right to raise it: then as high as it goes.
    if (::setrlimit(static_cast<__rlimit_resource>(resource), &wanted) == 0) continue;
    rlimit now{};
    if (::getrlimit(static_cast<__rlimit_resource>(resource), &now) != 0) return os::sys_error(errno, "read a resource limit");
    now.rlim_cur = now.rlim_max;
    if (::setrlimit(static_cast<__rlimit_resource>(resource), &now) != 0) return os::sys_error(errno, "set a resource limit");
  }
  return {};
}

void reset_signals() {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) (void)::sigaction(signal, &standard, nullptr);   // KILL, STOP and libc's own refuse
  sigset_t none;
  (void)sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

Result<> drop_bound(cap_value_t capability) {
  if (cap_drop_bound(capability) == 0 || errno == EINVAL) return {};   // EINVAL: this kernel has it not
  return os::sys_error(errno, "drop a capability");
}

Result<> cut_capabilities(const std::vector<int>& denied) {
  for (const cap_value_t capability : kDropped) UBC_TRY(drop_bound(capability));
  for (const int capability : denied) UBC_TRY(drop_bound(capability));
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return os::sys_error(errno, "clear ambient capabilities");
  cap_t capabilities = cap_get_proc();
  const bool cleared = capabilities != nullptr && cap_clear_flag(capabilities, CAP_INHERITABLE) == 0 && cap_set_proc(capabilities) == 0;
  const int saved = errno;
  (void)cap_free(capabilities);
  return cleared ? Result<>{} : Result<>{os::sys_error(saved, "clear inheritable capabilities")};
}

/// Of this thread alone: libc would change the parent's threads, whose memory we share, too. The uid last there and first back.
bool set_effective_ids(uid_t uid, gid_t gid) {
  return ::syscall(SYS_setresgid, -1, gid, -1) == 0 && ::syscall(SYS_setresuid, -1, uid, -1) == 0;
}

}  // namespace

Result<> run_as_id(uid_t id, const std::function<Result<>()>& body) {
  if (::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) != 0) return os::sys_error(errno, "keep capabilities across a change of uid");
  const pid_t parent = ::getppid();
  if (!set_effective_ids(id, id)) return os::sys_error(errno, "become", fmt::format("uid {}", id));
  auto done = body();
  if (!set_effective_ids(0, 0)) return os::sys_error(errno, "become root again");
  // The kernel takes both away from whoever changes its uid.
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)::prctl(PR_SET_DUMPABLE, 1);
  if (::getppid() != parent) return os::error(Code::system, "the guest's starter died");   // before the signal was set again
  return done;
}

Result<> become_guest_root() {
  if (::setresgid(0, 0, 0) != 0) return os::sys_error(errno, "become group 0 of the guest");
  if (::setgroups(0, nullptr) != 0) return os::sys_error(errno, "leave the host's groups");
  if (::setresuid(0, 0, 0) != 0) {
    if (errno == ENOMEM) return os::error(Code::no_resources, "the guest's numproc is full: raise it, or stop processes in the guest");
    return os::sys_error(errno, "become root of the guest");
  }
  return {};
}

std::optional<int> capability_named(const std::string& name) {
  cap_value_t capability = -1;
  if (name.empty() || cap_from_name(("cap_" + name).c_str(), &capability) != 0) return std::nullopt;
  return capability;
}

bool is_never_a_guests(int capability) { return std::ranges::find(kDropped, capability) != std::end(kDropped); }

Result<> give_up_host_traits(const std::vector<int>& denied) {
  (void)::umask(022);
  reset_signals();
  UBC_TRY(set_resource_limits());
  (void)::setpriority(PRIO_PROCESS, 0, 0);
  const sched_param ordinary{};
  (void)::sched_setscheduler(0, SCHED_OTHER, &ordinary);
  (void)::syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, nullptr);
  (void)::prctl(PR_SET_PDEATHSIG, 0);
  UBC_TRY(cut_capabilities(denied));
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) return os::sys_error(errno, "mark descriptors close-on-exec");
  return install_seccomp();
}

}  // namespace ubc::isolate

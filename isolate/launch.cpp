// SPDX-License-Identifier: Apache-2.0
// Three processes, and the order between them:
//   builder (host root, own mount namespace)         guest (all other namespaces, born in its cgroup)
//     clones the guest                                 waits
//     writes its id maps, makes links   ── 'm' ──▶     becomes root of its ids; makes its IPC namespace
//     builds the root, pivots           ◀── 'r' ──
//     helper, joined to pid, net, ipc and cgroup
//     namespaces: /proc, /sys, masks, lo and links
//                                       ── 'g' ──▶     copies the mount namespace, whose mounts are locked from then on
//     ends                                             gives up what is the host's, execs
// Whoever loses the other reads the end of a file, and ends.
#include "isolate/launch.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "isolate/console.h"
#include "isolate/guest_init.h"
#include "isolate/guest_network.h"
#include "isolate/handshake.h"
#include "isolate/privileges.h"
#include "isolate/rootfs.h"
#include "os/process.h"
#include "os/text_file.h"

namespace ubc::isolate {
namespace {

constexpr int kPatienceMs = 60'000;
constexpr std::uint64_t kGuestNamespaces = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWCGROUP;

Result<> write_id_maps(const GuestSpec& spec, pid_t pid) {
  const std::string proc = fmt::format("/proc/{}/", pid);
  const std::string map = fmt::format("0 {} {}\n", spec.base, kIdsPerGuest);
  UBC_TRY(os::write_knob(proc + "gid_map", map));
  UBC_TRY(os::write_knob(proc + "uid_map", map));
  return os::write_knob(proc + "oom_score_adj", std::to_string(spec.oom_score_adj));
}

/// What SHM_LOCK may lock in a user namespace in sum is what its maker may as it makes it, for good: so there is no bound there, and each
/// process gets its own afterwards.
Result<> lift_lock_limit() {
  constexpr rlimit kUnlimited{RLIM_INFINITY, RLIM_INFINITY};
  return ::setrlimit(RLIMIT_MEMLOCK, &kUnlimited) == 0 ? Result<>{} : Result<>{os::sys_error(errno, "lift the builder's RLIMIT_MEMLOCK")};
}

Result<> set_lock_limit(const GuestSpec& spec, pid_t guest) {
  const rlimit wanted{spec.lockable_bytes, spec.lockable_bytes};
  return ::prlimit(guest, RLIMIT_MEMLOCK, &wanted, nullptr) == 0 ? Result<>{}
                                                                 : Result<>{os::sys_error(errno, "set the guest's RLIMIT_MEMLOCK")};
}

Result<> raise_loopback() {
  const os::Fd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!socket.valid()) return os::sys_error(errno, "open a socket for the loopback");
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", sizeof request.ifr_name - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) return os::sys_error(errno, "raise the guest's loopback");
  return {};
}

/// A child of the builder, inside the guest's pid namespace but with the host's rights: only such a one can mount what the kernel then
/// locks.
Result<> run_helper(const GuestSpec& spec, const os::Fd& pidfd) {
  if (::setns(pidfd.get(), CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWCGROUP) != 0)
    return os::sys_error(errno, "join the guest's namespaces");
  Result<> done = os::error(Code::system, "the mount helper was killed");
  const pid_t helper = os::run_as_child([&] {
    done = mount_kernel_views(spec);
    if (done) done = raise_loopback();
    for (const GuestLink& link : spec.links)
      if (done) done = set_up_link(link);
    return 0;
  });
  if (helper < 0) return os::sys_error(errno, "fork the mount helper");
  UBC_TRY(os::wait_for_child(helper));
  return done;
}

Result<> await_byte(int sync, const char* from) {
  char byte;
  ssize_t got;
  while ((got = ::read(sync, &byte, 1)) < 0 && errno == EINTR) {
  }
  return got == 1 ? Result<>{} : Result<>{os::error(Code::system, "{} ended early", from)};
}

Result<> send_byte(int sync) {
  return ::send(sync, "g", 1, MSG_NOSIGNAL) == 1 ? Result<>{} : Result<>{os::sys_error(errno, "signal the guest's builder")};
}

/// The guest's first process until its exec.
[[noreturn]] void run_guest(const GuestSpec& spec, int sync, int reports) {
  const auto prepared = [&]() -> Result<> {
    UBC_TRY(await_byte(sync, "the guest's builder"));
    UBC_TRY(enter_ids());
    UBC_TRY(send_byte(sync));
    UBC_TRY(await_byte(sync, "the guest's builder"));
    fault_point("launch:guest");
    return settle_in(spec);
  }();
  if (prepared) {
    report_ready(reports);
    const Result<> failed = exec_init(spec);   // returns only if it could not
    report_failure(reports, failed.error());
  } else {
    report_failure(reports, prepared.error());
  }
  ::_exit(1);
}

/// The kernel counts the signals, inotify watches and namespaces of a user namespace for the uid that made it: the guest's own, or all
/// guests would share root's.
Result<pid_t> clone_guest(const GuestSpec& spec, const int (&sync)[2], int reports) {
  pid_t guest = -1;
  UBC_TRY(run_as_id(spec.base, [&]() -> Result<> {
    guest = os::clone_process(kGuestNamespaces | CLONE_PARENT, spec.cgroup_fd, 0);
    if (guest < 0) return os::sys_error(errno, "clone the guest into its namespaces and cgroup");
    if (guest > 0) return {};
    (void)::close(sync[0]);
    run_guest(spec, sync[1], reports);
  }));
  return guest;
}

Result<> build_guest(const GuestSpec& spec, int reports) {
  int sync[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sync) != 0) return os::sys_error(errno, "make a socket pair");
  UBC_TRY(lift_lock_limit());
  const pid_t guest = UBC_TRY(clone_guest(spec, sync, reports));
  (void)::close(sync[1]);
  report_pid(reports, guest);
  fault_point("launch:cloned");
  const os::Fd pidfd = UBC_TRY(os::open_pidfd(guest));
  UBC_TRY(write_id_maps(spec, guest));
  UBC_TRY(set_lock_limit(spec, guest));
  if (!spec.links.empty()) UBC_TRY(spec.connect(guest));   // while the host's paths are still there
  const os::Fd userns = UBC_TRY(os::open_file(fmt::format("/proc/{}/ns/user", guest), O_RDONLY));
  UBC_TRY(send_byte(sync[0]));
  UBC_TRY(build_root(spec, userns));
  if (spec.keep_console) {
    const Pty console = UBC_TRY(make_console(spec));
    UBC_TRY(spec.keep_console(console, pidfd));
  }
  fault_point("launch:root");
  UBC_TRY(await_byte(sync[0], "the guest's first process"));
  UBC_TRY(run_helper(spec, pidfd));
  fault_point("launch:mounts");
  return send_byte(sync[0]);
}

/// Its status. The caller waits for it in the kernel, so that its patience is a timer here.
int run_builder(const GuestSpec& spec, int reports, pid_t parent) {
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) return 1;   // it died before the line above
  (void)::signal(SIGALRM, SIG_DFL);
  (void)::alarm(kPatienceMs / 1000);
  const auto built = [&]() -> Result<> {
    if (::unshare(CLONE_NEWNS) != 0) return os::sys_error(errno, "make a mount namespace");
    return build_guest(spec, reports);
  }();
  if (!built) report_failure(reports, built.error());
  return built ? 0 : 1;
}

/// What stood of the guest when its start failed.
void end_guest(pid_t pid) {
  if (pid <= 0) return;
  (void)::kill(pid, SIGKILL);   // our own child until waited for: the pid is its
  (void)os::wait_for_child(pid);
}

}  // namespace

Result<StartedGuest> launch(const GuestSpec& spec) {
  os::Pipe reports = UBC_TRY(os::Pipe::make());
  const pid_t parent = ::getpid();
  // Ends before the next line. What is reported meanwhile the pipe holds.
  const pid_t builder = os::run_as_child([&] { return run_builder(spec, reports.write_end.get(), parent); });
  if (builder < 0) return os::sys_error(errno, "fork the guest's builder");
  reports.write_end = os::Fd{};
  const Result<int> builder_status = os::wait_for_child(builder);
  LaunchReport seen;
  const Result<> up = await_reports(reports.read_end, kPatienceMs, seen);
  StartedGuest guest{seen.pid, {}};
  if (up && builder_status && *builder_status == 0) {
    guest.pidfd = UBC_TRY(os::open_pidfd(seen.pid));
    return guest;
  }
  end_guest(seen.pid);
  if (builder_status && *builder_status == 128 + SIGALRM)
    return os::error(Code::system, "the guest could not be built within {} s", kPatienceMs / 1000);
  if (!up) return std::unexpected(up.error());
  return os::error(Code::system, "the guest's builder was killed");
}

}  // namespace ubc::isolate

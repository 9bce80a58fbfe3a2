// SPDX-License-Identifier: Apache-2.0
// The order is the one that works with and without nsdelegate on 6.1, 6.12 and 7 (guest-facts 4, C): a helper joins all namespaces but the
// cgroup one, clones the program into its cgroup as the caller's child, and ends; the program joins the cgroup namespace itself.
#include "isolate/enter.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "isolate/console.h"
#include "isolate/guest_init.h"
#include "isolate/handshake.h"
#include "isolate/privileges.h"
#include "isolate/terminal.h"
#include "os/descriptor_message.h"
#include "os/process.h"
#include "os/text_file.h"

namespace ubc::isolate {
namespace {

constexpr int kPatienceMs = 30'000;

/// What the program gets as 0, 1, 2, and the caller's ends of it.
struct Standard {
  int program[3] = {0, 1, 2};
  std::vector<os::Fd> program_ends;   ///< closed by the caller once the program is cloned
  std::vector<os::Fd> caller_ends;
  std::vector<Stream> streams;
};

/// A descriptor that is the caller's terminal is replaced by a pipe; any other is handed in.
Result<Standard> make_standard(int input) {
  Standard standard;
  standard.program[0] = input;
  for (const int fd : {0, 1, 2}) {
    if (::isatty(standard.program[fd]) == 0) continue;
    os::Pipe pipe = UBC_TRY(os::Pipe::make());
    os::Fd& program = fd == 0 ? pipe.read_end : pipe.write_end;
    os::Fd& caller = fd == 0 ? pipe.write_end : pipe.read_end;
    standard.program[fd] = program.get();
    standard.streams.push_back(fd == 0 ? Stream{0, caller.get(), true} : Stream{caller.get(), fd, false});
    standard.program_ends.push_back(std::move(program));
    standard.caller_ends.push_back(std::move(caller));
  }
  return standard;
}

/// In the guest: a pty of its own devpts, its slave as 0, 1, 2, its master to the caller.
Result<> open_terminal(int channel) {
  const Pty pty = UBC_TRY(open_pty());
  if (::ioctl(pty.slave.get(), TIOCSCTTY, 0) != 0) return os::sys_error(errno, "take the guest's terminal");
  for (const int standard : {0, 1, 2})
    if (::dup2(pty.slave.get(), standard) < 0) return os::sys_error(errno, "use the guest's terminal");
  const int master = pty.master.get();
  return os::with_context(os::send_message(channel, "m", {&master, 1}), "pass the terminal out of the guest");
}

Result<> hand_in(const Standard& standard) {
  // Moved above 2 first, so that one does not overwrite the other.
  int copies[3];
  for (const int fd : {0, 1, 2})
    if ((copies[fd] = ::fcntl(standard.program[fd], F_DUPFD_CLOEXEC, 3)) < 0 && errno != EBADF)
      return os::sys_error(errno, "hand in a standard descriptor");
  for (const int fd : {0, 1, 2})
    if (copies[fd] >= 0 && ::dup2(copies[fd], fd) < 0) return os::sys_error(errno, "hand in a standard descriptor");
  return {};
}

/// Nobody in the guest may look into us while we hold what is the host's (CVE-2016-9962). A change of ids makes it what the sysctl
/// fs.suid_dumpable says: not either, unless somebody debugs setuid programs on this host.
void hide_from_guest() { (void)::prctl(PR_SET_DUMPABLE, 0); }

/// Empty: a program is run.
using Act = std::function<Result<>()>;

[[noreturn]] void run_program(const EnterSpec& spec, const Act& act, const Standard& standard, int channel, int reports) {
  const auto failed = [&]() -> Result<> {
    if (::setns(spec.guest->get(), CLONE_NEWCGROUP) != 0) return os::sys_error(errno, "join the guest's cgroup namespace");
    UBC_TRY(become_guest_root());
    hide_from_guest();
    if (::chdir("/") != 0) return os::sys_error(errno, "enter the guest's root");
    if (::setsid() < 0) return os::sys_error(errno, "start a session");
    if (spec.terminal)
      UBC_TRY(open_terminal(channel));
    else if (!act)
      UBC_TRY(hand_in(standard));
    UBC_TRY(give_up_host_traits(spec.denied_capabilities));
    if (act) UBC_TRY(act());
    report_ready(reports);
    if (act) ::_exit(0);
    const char* term = spec.terminal ? ::getenv("TERM") : nullptr;
    return exec_in_guest(spec.command,
                         {fmt::format("TERM={}", term != nullptr ? term : "linux"), "USER=root", "LOGNAME=root", "SHELL=/bin/sh"});
  }();
  report_failure(reports, failed.error());
  ::_exit(127);
}

/// The caller's shell may be protected from the OOM killer, or lock what it likes.
Result<> take_after(pid_t init) {
  const std::string adjusted = UBC_TRY(os::read_text(fmt::format("/proc/{}/oom_score_adj", init)));
  UBC_TRY(os::write_knob("/proc/self/oom_score_adj", os::trimmed(adjusted)));
  rlimit lockable{};
  if (::prlimit(init, RLIMIT_MEMLOCK, nullptr, &lockable) != 0) return os::sys_error(errno, "ask for RLIMIT_MEMLOCK of the guest");
  return ::setrlimit(RLIMIT_MEMLOCK, &lockable) == 0 ? Result<>{} : Result<>{os::sys_error(errno, "take the guest's RLIMIT_MEMLOCK")};
}

/// Its status.
int run_joiner(const EnterSpec& spec, const Act& act, const Standard& standard, int channel, int reports) {
  constexpr int kAllButCgroup = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC;
  const auto joined = [&]() -> Result<> {
    UBC_TRY(take_after(spec.init));
    return ::setns(spec.guest->get(), kAllButCgroup) == 0 ? Result<>{} : Result<>{os::sys_error(errno, "join the guest's namespaces")};
  }();
  if (!joined) {
    report_failure(reports, joined.error());
    return 1;
  }
  hide_from_guest();
  const pid_t program = os::clone_process(CLONE_PARENT, spec.cgroup_fd, 0);
  if (program == 0) run_program(spec, act, standard, channel, reports);
  if (program < 0)
    report_failure(reports, os::sys_error(errno, "clone into the guest's cgroup").error());
  else
    report_pid(reports, program);
  return program < 0 ? 1 : 0;
}

struct Entered {
  pid_t pid = -1;
  os::Fd pidfd;
};

Result<Entered> enter(const EnterSpec& spec, const Act& act, const Standard& standard, int channel) {
  os::Pipe reports = UBC_TRY(os::Pipe::make());
  const pid_t joiner = os::run_as_child([&] { return run_joiner(spec, act, standard, channel, reports.write_end.get()); });
  if (joiner < 0) return os::sys_error(errno, "fork");
  reports.write_end = os::Fd{};
  LaunchReport seen;
  const Result<> up = await_reports(reports.read_end, kPatienceMs, seen);
  (void)os::wait_for_child(joiner);
  if (!up) {
    if (seen.pid > 0) {
      (void)::kill(seen.pid, SIGKILL);   // our own child until waited for: the pid is its
      (void)os::wait_for_child(seen.pid);
    }
    return std::unexpected(up.error());
  }
  return Entered{seen.pid, UBC_TRY(os::open_pidfd(seen.pid))};
}

Result<int> run_with_terminal(const EnterSpec& spec, const os::Fd& signals) {
  int channel[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0) return os::sys_error(errno, "make a socket pair");
  const os::Fd ours{channel[0]};
  os::Fd theirs{channel[1]};
  const Entered program = UBC_TRY(enter(spec, {}, Standard{}, theirs.get()));
  theirs = os::Fd{};
  auto passed = os::receive_message(ours.get());
  if (!passed || passed->descriptors.size() != 1) return os::error(Code::system, "the guest's terminal did not come out of the guest");
  os::Fd master = std::move(passed->descriptors.front());
  copy_window_size(0, master.get());
  {
    const RawTerminal raw{0};
    UBC_TRY(relay({{0, master.get(), true}, {master.get(), 1, false}}, program.pidfd, signals, 0, master.get()));
  }
  master = os::Fd{};   // whatever still runs on the guest's terminal gets SIGHUP
  let_signals_through();
  return os::wait_for_child(program.pid);
}

Result<int> run_with_pipes(const EnterSpec& spec, const os::Fd& signals) {
  Standard standard = UBC_TRY(make_standard(spec.input));
  const Entered program = UBC_TRY(enter(spec, {}, standard, -1));
  standard.program_ends.clear();
  // An input pipe's write side is closed by the relay at the end of input, so it is the relay's.
  for (std::size_t i = 0; i < standard.streams.size(); ++i)
    if (standard.streams[i].input) (void)standard.caller_ends[i].release();
  UBC_TRY(relay(std::move(standard.streams), program.pidfd, signals, 0, -1));
  return os::wait_for_child(program.pid);
}

}  // namespace

Result<> act_in_guest(const EnterSpec& spec, const std::function<Result<>()>& act) {
  const Entered actor = UBC_TRY(enter(spec, act, Standard{}, -1));
  const int status = UBC_TRY(os::wait_for_child(actor.pid));
  return status == 0 ? Result<>{} : Result<>{os::error(Code::system, "who acted in the guest ended with status {}", status)};
}

Result<int> run_in_guest(const EnterSpec& spec) {
  const os::Fd signals = UBC_TRY(catch_signals());
  return spec.terminal ? run_with_terminal(spec, signals) : run_with_pipes(spec, signals);
}

}  // namespace ubc::isolate

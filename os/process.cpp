// SPDX-License-Identifier: Apache-2.0
#include "os/process.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "os/text_file.h"

namespace ubc::os {

pid_t clone_process(std::uint64_t flags, int cgroup_fd, int exit_signal) {
  clone_args arguments{};
  arguments.flags = flags;
  arguments.exit_signal = static_cast<std::uint64_t>(exit_signal);
  if (cgroup_fd >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(cgroup_fd);
  }
  return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

pid_t run_as_child(const std::function<int()>& body) {
  constexpr std::size_t kStack = 128 << 10;
  void* stack = ::mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return -1;
  const auto enter = [](void* what) { return (*static_cast<const std::function<int()>*>(what))(); };
  const pid_t pid = ::clone(enter, static_cast<char*>(stack) + kStack, CLONE_VM | CLONE_VFORK | SIGCHLD,
                            const_cast<void*>(static_cast<const void*>(&body)));
  const int saved = errno;
  (void)::munmap(stack, kStack);
  errno = saved;
  return pid;
}

Result<Fd> open_pidfd(pid_t pid) {
  Fd fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  if (!fd.valid()) return sys_error(errno, "hold process", std::to_string(pid));
  return fd;
}

Result<> send_signal(const Fd& pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) != 0) return sys_error(errno, "send a signal");
  return {};
}

Result<bool> wait_for_exit(const Fd& pidfd, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd watch{pidfd.get(), POLLIN, 0};
    const int ready = ::poll(&watch, 1, patience.count() < 0 ? -1 : static_cast<int>(std::max<long>(left.count(), 0)));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return sys_error(errno, "wait for a process");
  }
}

Result<std::uint64_t> start_time_of(pid_t pid) {
  const std::string path = fmt::format("/proc/{}/stat", pid);
  const std::string text = UBC_TRY(read_text(path));
  std::string_view rest = text;
  const std::size_t name_end = rest.rfind(')');   // the name may hold blanks and parentheses
  if (name_end == rest.npos) return error(Code::corrupt, "{} has no process name", path);
  rest.remove_prefix(name_end + 1);
  for (int field = 3; field <= 22; ++field) {
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (field == 22) return parse_number(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  return error(Code::corrupt, "{} has no start time", path);
}

Result<int> wait_for_child(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, __WALL) < 0)
    if (errno != EINTR) return sys_error(errno, "wait for process", std::to_string(pid));
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));   // execve takes char*, changes nothing
  pointers.push_back(nullptr);
  return pointers;
}

Result<Pipe> Pipe::make() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return sys_error(errno, "make a pipe");
  return Pipe{Fd{ends[0]}, Fd{ends[1]}};
}

}  // namespace ubc::os

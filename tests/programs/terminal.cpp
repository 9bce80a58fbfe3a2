// SPDX-License-Identifier: Apache-2.0
#include "tests/programs/terminal.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "os/process.h"

namespace ubc::test {
namespace {

constexpr int kPatienceMs = 120'000;   // of an emulated machine; nothing waits for it to pass

}  // namespace

Terminal::Terminal(unsigned short rows, unsigned short columns) {
  int master, slave;
  const winsize size{rows, columns, 0, 0};
  if (::openpty(&master, &slave, nullptr, nullptr, &size) != 0) std::abort();
  master_ = os::Fd{master};
  slave_ = os::Fd{slave};
}

Terminal::~Terminal() {
  if (pid_ > 0) {
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
  }
}

void Terminal::run(const std::vector<std::string>& command) {
  const auto arguments = os::pointers_to(command);
  pid_ = ::fork();
  if (pid_ != 0) return;
  (void)::close(master_.get());
  if (::login_tty(slave_.get()) == 0) (void)::execv(arguments.front(), arguments.data());
  ::_exit(127);
}

void Terminal::type(const std::string& text) const {
  if (::write(master_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
}

bool Terminal::read_some() {
  pollfd ready{master_.get(), POLLIN, 0};
  if (::poll(&ready, 1, kPatienceMs) <= 0) return false;
  std::array<char, 16384> buffer;
  const ssize_t got = ::read(master_.get(), buffer.data(), buffer.size());
  if (got <= 0) return false;
  seen_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

bool Terminal::sees(const std::string& text) {
  std::size_t at;
  while ((at = seen_.find(text)) == std::string::npos)
    if (!read_some()) return false;
  seen_.erase(0, at + text.size());
  return true;
}

std::string Terminal::next(std::size_t size, const std::string& typed) {
  const pid_t typist = typed.empty() ? -1 : ::fork();
  if (typist == 0) {
    for (std::size_t at = 0; at < typed.size();) {
      const ssize_t put = ::write(master_.get(), typed.data() + at, typed.size() - at);
      if (put <= 0) ::_exit(1);
      at += static_cast<std::size_t>(put);
    }
    ::_exit(0);
  }
  while (seen_.size() < size && read_some()) {
  }
  if (typist > 0) {
    (void)::kill(typist, SIGKILL);
    (void)::waitpid(typist, nullptr, 0);
  }
  std::string got = seen_.substr(0, size);
  seen_.erase(0, size);
  return got;
}

void Terminal::resize(unsigned short rows, unsigned short columns) const {
  const winsize size{rows, columns, 0, 0};
  if (::ioctl(master_.get(), TIOCSWINSZ, &size) != 0) std::abort();   // which sends SIGWINCH to the foreground
}

termios Terminal::modes() const {
  termios now{};
  if (::tcgetattr(slave_.get(), &now) != 0) std::abort();
  return now;
}

std::string Terminal::name() const { return ::ttyname(slave_.get()); }

void Terminal::hang_up() { master_ = os::Fd{}; }

int Terminal::wait() {
  const auto pidfd = os::open_pidfd(pid_);
  for (int waited = 0; pidfd && waited < kPatienceMs; waited += 100) {
    const auto ended = os::wait_for_exit(*pidfd, std::chrono::milliseconds{100});
    if (ended && *ended) {
      const auto status = os::wait_for_child(pid_);
      pid_ = -1;
      return status.value_or(-1);
    }
    pollfd ready{master_.get(), POLLIN, 0};
    if (master_.valid() && ::poll(&ready, 1, 0) > 0) (void)read_some();   // what nobody reads could keep it from ending
  }
  return -1;
}

bool is_cooked(const termios& modes) { return (modes.c_lflag & (ICANON | ECHO | ISIG)) == (ICANON | ECHO | ISIG); }

bool same(const termios& a, const termios& b) {
  return a.c_iflag == b.c_iflag && a.c_oflag == b.c_oflag && a.c_cflag == b.c_cflag && a.c_lflag == b.c_lflag &&
         std::memcmp(a.c_cc, b.c_cc, sizeof a.c_cc) == 0;
}

}  // namespace ubc::test

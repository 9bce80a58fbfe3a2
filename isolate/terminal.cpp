// SPDX-License-Identifier: Apache-2.0
#include "isolate/terminal.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "os/process.h"

namespace ubc::isolate {
namespace {

bool write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t put = ::write(fd, data, size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) {
      pollfd ready{fd, POLLOUT, 0};
      (void)::poll(&ready, 1, -1);
      continue;
    }
    if (put <= 0) return false;
    data += put;
    size -= static_cast<std::size_t>(put);
  }
  return true;
}

/// False: the stream is over. A pty whose slave is closed says EIO.
bool move_bytes(const Stream& stream) {
  std::array<char, 16384> buffer;
  const ssize_t got = ::read(stream.from, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  return got > 0 && write_all(stream.to, buffer.data(), static_cast<std::size_t>(got));
}

void end_stream(Stream& stream) {
  // The program must see the end of its input; a pty's master serves both ways and stays.
  if (stream.input && ::isatty(stream.to) == 0) (void)::close(stream.to);
  stream.from = -1;
}

void handle_signal(const os::Fd& signals, const os::Fd& program, int terminal, int pty) {
  signalfd_siginfo info{};
  if (::read(signals.get(), &info, sizeof info) != sizeof info) return;
  if (info.ssi_signo == SIGWINCH) {
    if (pty >= 0) copy_window_size(terminal, pty);
    return;
  }
  (void)os::send_signal(program, static_cast<int>(info.ssi_signo));
}

bool any_output(const std::vector<Stream>& streams) {
  for (const Stream& stream : streams)
    if (!stream.input && stream.from >= 0) return true;
  return false;
}

}  // namespace

RawTerminal::RawTerminal(int fd) : fd_{fd}, saved_{nullptr} {
  termios now{};
  if (::tcgetattr(fd, &now) != 0) return;
  saved_ = new termios{now};
  ::cfmakeraw(&now);
  (void)::tcsetattr(fd, TCSADRAIN, &now);
}

RawTerminal::~RawTerminal() {
  if (saved_ == nullptr) return;
  auto* saved = static_cast<termios*>(saved_);
  (void)::tcsetattr(fd_, TCSADRAIN, saved);
  delete saved;
}

void copy_window_size(int from, int to) {
  winsize size{};
  if (::ioctl(from, TIOCGWINSZ, &size) == 0) (void)::ioctl(to, TIOCSWINSZ, &size);
}

Result<os::Fd> catch_signals() {
  sigset_t set;
  (void)sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH}) (void)sigaddset(&set, signal);
  (void)::sigprocmask(SIG_BLOCK, &set, nullptr);
  (void)::signal(SIGPIPE, SIG_IGN);
  os::Fd fd{::signalfd(-1, &set, SFD_CLOEXEC)};
  if (!fd.valid()) return os::sys_error(errno, "watch signals");
  return fd;
}

Result<> relay(std::vector<Stream> streams, const os::Fd& program, const os::Fd& signals, int terminal, int pty) {
  bool running = true;
  // Once the program has ended, what it left running may hold the output open: drain what is there, and go.
  while (running || any_output(streams)) {
    std::vector<pollfd> watched{{program.get(), static_cast<short>(running ? POLLIN : 0), 0}, {signals.get(), POLLIN, 0}};
    for (const Stream& stream : streams) watched.push_back({running || !stream.input ? stream.from : -1, POLLIN, 0});
    if (!running) watched[0].fd = -1;
    const int ready = ::poll(watched.data(), watched.size(), running ? -1 : 100);
    if (ready < 0 && errno != EINTR) return os::sys_error(errno, "relay the program's output");
    if (ready == 0) break;
    if (ready < 0) continue;
    if (watched[1].revents != 0) handle_signal(signals, program, terminal, pty);
    for (std::size_t i = 0; i < streams.size(); ++i)
      if (watched[i + 2].revents != 0 && !move_bytes(streams[i])) end_stream(streams[i]);
    if (running && watched[0].revents != 0) running = false;
  }
  return {};
}

}  // namespace ubc::isolate

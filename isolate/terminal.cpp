// SPDX-License-Identifier: Apache-2.0
#include "isolate/terminal.h"

#include <fcntl.h>
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

/// What waits goes to a descriptor of ours that never blocks: a program that does not read must not keep us from its output.
bool put_pending(Stream& stream) {
  while (!stream.pending.empty()) {
    const ssize_t put = ::write(stream.to, stream.pending.data(), stream.pending.size());
    if (put < 0 && errno == EAGAIN) return true;
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    stream.pending.erase(0, static_cast<std::size_t>(put));
  }
  return true;
}

/// False: the stream is over. A pty whose slave is closed says EIO.
bool move_bytes(Stream& stream) {
  if (!stream.pending.empty()) return put_pending(stream);
  std::array<char, 16384> buffer;
  const ssize_t got = ::read(stream.from, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (got == 0) return false;
  if (!stream.input) return write_all(stream.to, buffer.data(), static_cast<std::size_t>(got));
  stream.pending.assign(buffer.data(), static_cast<std::size_t>(got));
  return put_pending(stream);
}

void end_stream(Stream& stream) {
  // The program must see the end of its input; a pty's master serves both ways and stays.
  if (stream.input && ::isatty(stream.to) == 0) (void)::close(stream.to);
  stream.from = -1;
}

/// False: hang up.
bool handle_signal(const os::Fd& signals, const os::Fd& program, int terminal, int pty) {
  const int signal = next_signal(signals);
  if (signal == 0) return true;
  if (signal == SIGWINCH) {
    if (pty >= 0) copy_window_size(terminal, pty);
    return true;
  }
  if (pty >= 0 && (signal == SIGHUP || signal == SIGTERM)) return false;   // a shell ignores SIGTERM
  (void)os::send_signal(program, signal);
  return true;
}

pollfd watch_of(const Stream& stream, bool running) {
  if (stream.from < 0 || (stream.input && !running)) return {-1, 0, 0};
  return stream.pending.empty() ? pollfd{stream.from, POLLIN, 0} : pollfd{stream.to, POLLOUT, 0};
}

bool any_output(const std::vector<Stream>& streams) {
  for (const Stream& stream : streams)
    if (!stream.input && stream.from >= 0) return true;
  return false;
}

sigset_t watched_signals() {
  sigset_t set;
  (void)sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH}) (void)sigaddset(&set, signal);
  return set;
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
  const sigset_t set = watched_signals();
  (void)::sigprocmask(SIG_BLOCK, &set, nullptr);
  (void)::signal(SIGPIPE, SIG_IGN);
  os::Fd fd{::signalfd(-1, &set, SFD_CLOEXEC)};
  if (!fd.valid()) return os::sys_error(errno, "watch signals");
  return fd;
}

Result<> relay(std::vector<Stream> streams, const os::Fd& program, const os::Fd& signals, int terminal, int pty) {
  bool running = true;
  for (const Stream& stream : streams)
    if (stream.input) (void)::fcntl(stream.to, F_SETFL, ::fcntl(stream.to, F_GETFL) | O_NONBLOCK);
  // Once the program has ended, what it left running may hold the output open: drain what is there, and go.
  while (running || any_output(streams)) {
    std::vector<pollfd> watched{{running ? program.get() : -1, POLLIN, 0}, {signals.get(), POLLIN, 0}};
    for (const Stream& stream : streams) watched.push_back(watch_of(stream, running));
    const int ready = ::poll(watched.data(), watched.size(), running ? -1 : 100);
    if (ready < 0 && errno != EINTR) return os::sys_error(errno, "relay the program's output");
    if (ready == 0) break;
    if (ready < 0) continue;
    if (watched[1].revents != 0 && !handle_signal(signals, program, terminal, pty)) break;
    for (std::size_t i = 0; i < streams.size(); ++i)
      if (watched[i + 2].revents != 0 && !move_bytes(streams[i])) {
        end_stream(streams[i]);
        if (streams[i].input && pty >= 0 && streams[i].pending.empty()) return {};   // a raw terminal has no other end of input
      }
    if (running && watched[0].revents != 0) running = false;
  }
  return {};
}

int next_signal(const os::Fd& signals) {
  signalfd_siginfo info{};
  return ::read(signals.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

void let_signals_through() {
  const sigset_t set = watched_signals();
  (void)::sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace ubc::isolate

// SPDX-License-Identifier: Apache-2.0
// Bytes between the caller's descriptors and a program in the guest, until it has ended and its last output is through.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

/// One direction. Ends at the end of file of `from`, at an error of `to`, or when the other side hangs up.
struct Stream {
  int from = -1;
  int to = -1;
  bool input = false;  ///< towards the program: does not keep the relay going once the program has ended; `to` is ours, made non-blocking
  std::string pending{};  ///< of an input: read, and not taken by the program yet
};

/// The caller's terminal in raw mode; as it was again at the end.
class RawTerminal {
 public:
  explicit RawTerminal(int fd);
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  int fd_;
  void* saved_;  ///< termios; nullptr: not a terminal
};

/// Copies the window size of `from` to the pty `to`.
void copy_window_size(int from, int to);

/// Relays until `program` (a pidfd) has ended and all output is drained. SIGWINCH sets the size of `pty` (-1: none) from `terminal`; other
/// signals of `signals` (a signalfd) go to the program. With a pty, SIGHUP, SIGTERM and the end of the terminal end the relay at once: the
/// caller hangs up by closing the pty.
[[nodiscard]] Result<> relay(std::vector<Stream> streams, const os::Fd& program, const os::Fd& signals, int terminal, int pty);

/// SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGWINCH as a descriptor, blocked for this process from here on.
[[nodiscard]] Result<os::Fd> catch_signals();
/// The one that has come; 0: none.
[[nodiscard]] int next_signal(const os::Fd& signals);
/// And back to what they do by themselves.
void let_signals_through();

}  // namespace ubc::isolate

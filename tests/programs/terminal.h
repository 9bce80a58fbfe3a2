// SPDX-License-Identifier: Apache-2.0
// A person at a terminal: a pty, a program on it as its session's leader, what is typed and what is seen.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <string>
#include <vector>

#include "os/fd.h"

namespace ubc::test {

class Terminal {
 public:
  Terminal(unsigned short rows, unsigned short columns);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void run(const std::vector<std::string>& command);
  void type(const std::string& text) const;
  /// Reads until `text` was seen since the last call that saw something, and forgets all up to its end. False: it did not come.
  bool sees(const std::string& text);
  /// The next `size` bytes, or fewer where they do not come; `typed` is typed meanwhile.
  std::string next(std::size_t size, const std::string& typed = "");
  void resize(unsigned short rows, unsigned short columns) const;
  [[nodiscard]] termios modes() const;
  [[nodiscard]] std::string name() const;
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// As when the window is closed.
  void hang_up();
  /// Exit status of the program, or 128 + signal; -1: it did not end.
  int wait();
  [[nodiscard]] const std::string& seen() const { return seen_; }

 private:
  bool read_some();

  os::Fd master_, slave_;   // the slave stays open, so that the modes can be looked at when the program has ended
  pid_t pid_ = -1;
  std::string seen_;
};

/// True where a line is edited, echoed and interrupted by the terminal itself, as it is for a shell's command.
bool is_cooked(const termios& modes);
bool same(const termios& a, const termios& b);

}  // namespace ubc::test

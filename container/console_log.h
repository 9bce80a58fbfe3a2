// SPDX-License-Identifier: Apache-2.0
// What a guest has printed on its console: a file of bounded size, and the same as a person may see it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::container {

/// Both halves together: the older goes when the newer is full.
inline constexpr std::uint64_t kConsoleLogBytes = 256 << 10;

class ConsoleLog {
 public:
  explicit ConsoleLog(std::string path) : path_{std::move(path)} {}
  /// What could not be written is counted, and the log says so as soon as it takes something again.
  void append(std::string_view bytes);

 private:
  bool write(std::string_view bytes);
  Result<> open();

  std::string path_;
  os::Fd file_;
  std::uint64_t size_ = 0, lost_ = 0;
};

/// Raw, oldest first; empty where nothing was printed or kept.
[[nodiscard]] Result<std::string> read_console_log(const std::string& path);
void remove_console_log(const std::string& path);

/// Lines and tabs, ASCII and UTF-8, and nothing that a terminal obeys: sequences of control are left out.
[[nodiscard]] std::string console_text(std::string_view raw);
/// Its last `lines` lines.
[[nodiscard]] std::string_view last_lines(std::string_view text, int lines);

}  // namespace ubc::container

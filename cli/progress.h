// SPDX-License-Identifier: Apache-2.0
// How far a long step is: one line of a terminal, written over and over, and gone at the end. Elsewhere, and with --quiet, nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace ubc::cli {

/// "Unpacking x.tar.gz: 42 % of 51 MiB". A size of 0, and more done than there is, is all of it.
[[nodiscard]] std::string progress_text(const std::string& what, std::uint64_t done, std::uint64_t size);

class ProgressLine {
 public:
  using Watch = std::function<void(std::uint64_t done, std::uint64_t size)>;

  /// On standard error. `wanted`: not --quiet.
  ProgressLine(std::string what, bool wanted);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine();

  /// Empty where nobody would see it. Not to be called after this is gone.
  [[nodiscard]] Watch watch();

 private:
  void show(std::uint64_t done, std::uint64_t size);

  std::string what_, shown_;
  bool wanted_;
};

}  // namespace ubc::cli

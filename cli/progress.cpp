// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "os/text_file.h"

namespace ubc::cli {

std::string progress_text(const std::string& what, std::uint64_t done, std::uint64_t size) {
  const double part = size == 0 ? 1 : std::min(1.0, static_cast<double>(done) / static_cast<double>(size));
  constexpr std::uint64_t kKiB = 1024, kMiB = kKiB * kKiB;
  const std::string total = size < kMiB ? fmt::format("{} KiB", (size + kKiB - 1) / kKiB) : fmt::format("{} MiB", (size + kMiB / 2) / kMiB);
  return fmt::format("{}: {} % of {}", os::printable(what), static_cast<int>(part * 100), total);
}

ProgressLine::ProgressLine(std::string what, bool wanted) : what_{std::move(what)}, wanted_{wanted && ::isatty(STDERR_FILENO) == 1} {}

ProgressLine::~ProgressLine() {
  if (!shown_.empty()) fmt::print(stderr, "\r\x1b[K");
}

ProgressLine::Watch ProgressLine::watch() {
  if (!wanted_) return {};
  return [this](std::uint64_t done, std::uint64_t size) { show(done, size); };
}

void ProgressLine::show(std::uint64_t done, std::uint64_t size) {
  std::string text = progress_text(what_, done, size);
  if (text == shown_) return;
  shown_ = std::move(text);
  fmt::print(stderr, "\r{}\x1b[K", shown_);
  (void)std::fflush(stderr);
}

}  // namespace ubc::cli

// SPDX-License-Identifier: Apache-2.0
// A full screen as lines of text, and a key of its keyboard: what a model makes and takes; cli/screen.h shows and reads them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace ubc::cli {

enum class Style { plain, heading, selected, strong, alarm, dim };

struct ScreenLine {
  std::string text;   ///< printable ASCII only
  Style style = Style::plain;
  bool operator==(const ScreenLine&) const = default;
};

struct ScreenSize {
  std::size_t rows = 24, columns = 80;
};

struct Picture {
  std::vector<ScreenLine> lines;
  std::optional<std::size_t> cursor;   ///< its column in the last line; nullopt: nothing is typed
};

struct Key {
  enum class Kind { none, character, up, down, page_up, page_down, home, end, enter, escape, backspace, resize };
  Kind kind = Kind::none;
  char character = 0;
};

}  // namespace ubc::cli

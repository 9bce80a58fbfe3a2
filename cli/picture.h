// SPDX-License-Identifier: Apache-2.0
// A full screen as lines of text, and a key of its keyboard: what a model makes and takes; cli/screen.h shows and reads them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace ubc::cli {

/// calm, warm, hot: signs that are colour where there is colour, as a bar's.
enum class Style { plain, heading, selected, strong, alarm, dim, calm, warm, hot };

/// A part of a line that differs from the rest.
struct Span {
  std::size_t at = 0, width = 0;
  Style style = Style::plain;
  bool operator==(const Span&) const = default;
};

struct ScreenLine {
  std::string text;   ///< printable ASCII only
  Style style = Style::plain;
  std::vector<Span> spans = {};
  bool operator==(const ScreenLine&) const = default;
};

/// Where a mouse finds something, and what. The last one that holds a place is meant.
struct Spot {
  enum class What {
    column,   ///< a heading: what the list is sorted by
    item,     ///< a line of a list
    key,      ///< a word that tells of a key
  };
  std::size_t row = 0, at = 0, width = 0;
  What what = What::item;
  std::size_t index = 0;   ///< the column, the item, the key's character
};

struct ScreenSize {
  std::size_t rows = 24, columns = 80;
};

struct Picture {
  std::vector<ScreenLine> lines;
  std::optional<std::size_t> cursor;   ///< its column in the last line; nullopt: nothing is typed
  std::vector<Spot> spots = {};
};

struct Key {
  enum class Kind {
    none,
    character,
    up,
    down,
    page_up,
    page_down,
    home,
    end,
    enter,
    escape,
    backspace,
    resize,
    click,
    double_click,
    wheel_up,
    wheel_down
  };
  Kind kind = Kind::none;
  char character = 0;
  std::size_t row = 0, column = 0;   ///< of the mouse
};

}  // namespace ubc::cli

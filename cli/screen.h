// SPDX-License-Identifier: Apache-2.0
// The terminal as a full screen, by ncurses: it sends only what differs from what is there, and follows the window's size.
#pragma once

#include <chrono>
#include <string_view>
#include <utility>

#include "cli/picture.h"
#include "os/result.h"

namespace ubc::cli {

/// One at a time. The terminal is as it was when this is gone; SIGINT, SIGTERM, SIGHUP and SIGQUIT only make ended() true.
class Screen {
 public:
  /// Fails with Code::bad_value where `verb` has no terminal, or TERM names none that is known. `mouse`: its clicks are keys, too, where
  /// the terminal has one; text is then selected with Shift held.
  [[nodiscard]] static Result<Screen> open(std::string_view verb, bool mouse = false);
  Screen(Screen&& other) noexcept : open_{std::exchange(other.open_, false)} {}
  Screen& operator=(Screen&&) = delete;
  ~Screen();

  [[nodiscard]] ScreenSize size() const;
  void draw(const Picture& picture);
  /// Waits for a key; Kind::none: the time is over, or a signal came.
  [[nodiscard]] Key key(std::chrono::milliseconds patience);
  [[nodiscard]] bool ended() const;
  /// With the terminal restored: 0 where a person ended us (q, Ctrl-C); else, as without a handler, by the signal itself.
  [[nodiscard]] static int exit_code();

 private:
  Screen() = default;
  bool open_ = true;
};

}  // namespace ubc::cli

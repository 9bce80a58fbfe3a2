// SPDX-License-Identifier: Apache-2.0
// vzctl's way out of a console: Esc, then a full stop, at the start of a line.
#pragma once

#include <string>
#include <string_view>

namespace ubc::cli {

class DetachKey {
 public:
  /// What of it is the guest's. An Esc at the start of a line waits for what follows it.
  [[nodiscard]] std::string pass(std::string_view typed);
  [[nodiscard]] bool pressed() const { return pressed_; }

 private:
  bool at_start_ = true, escape_ = false, pressed_ = false;
};

}  // namespace ubc::cli

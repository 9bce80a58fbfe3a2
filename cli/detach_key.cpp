// SPDX-License-Identifier: Apache-2.0
#include "cli/detach_key.h"

namespace ubc::cli {

std::string DetachKey::pass(std::string_view typed) {
  constexpr char kEscape = '\x1b';
  std::string passed;
  for (const char key : typed) {
    if (escape_ && key == '.') {
      pressed_ = true;
      return passed;
    }
    if (escape_) passed += kEscape;
    escape_ = at_start_ && !escape_ && key == kEscape;
    if (escape_) continue;
    passed += key;
    at_start_ = key == '\r' || key == '\n';
  }
  return passed;
}

}  // namespace ubc::cli

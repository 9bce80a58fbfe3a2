// SPDX-License-Identifier: Apache-2.0
// What ubctl top shows, as lines of text that fit the screen. (Pure.)
#pragma once

#include "cli/picture.h"
#include "cli/top_model.h"

namespace ubc::cli {

/// At most `size.rows` lines of at most `size.columns` characters, all printable ASCII.
[[nodiscard]] Picture picture_of(const TopState& state, ScreenSize size);

}  // namespace ubc::cli

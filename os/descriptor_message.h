// SPDX-License-Identifier: Apache-2.0
// Open files from one process to another: a message on a socket with descriptors beside its text.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::os {

inline constexpr std::size_t kMostDescriptors = 4;
inline constexpr std::size_t kLongestMessage = 4096;

struct DescriptorMessage {
  std::string text;          ///< empty: the other side is gone
  std::vector<Fd> descriptors;
};

/// `text` is not empty, and no longer than kLongestMessage; at most kMostDescriptors. `flags` as send(2) has them.
[[nodiscard]] Result<> send_message(int channel, std::string_view text, std::span<const int> descriptors, int flags = 0);
/// What is longer, or has more beside it, is an error, and what came of it is closed.
[[nodiscard]] Result<DescriptorMessage> receive_message(int channel, int flags = 0);

}  // namespace ubc::os

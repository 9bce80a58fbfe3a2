// SPDX-License-Identifier: Apache-2.0
// The configuration that OpenVZ kept of a container, read as one of ours: most words are the same. (Pure.)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/config_file.h"

namespace ubc::container {

struct OpenvzConfig {
  accounting::ConfigFile config;       ///< order and comments are OpenVZ's; a line that is not taken over is a comment in it
  std::vector<std::string> left_out;   ///< a sentence for each of those lines that meant something
  std::string private_area;            ///< VE_PRIVATE; empty: it does not say
};
/// `id` is what $VEID stands for.
[[nodiscard]] OpenvzConfig read_openvz_config(std::string_view text, std::uint32_t id);

}  // namespace ubc::container

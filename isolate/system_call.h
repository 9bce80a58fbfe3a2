// SPDX-License-Identifier: Apache-2.0
// System calls by name. libseccomp writes the tables when ubc is built (system_call_names.cpp).
#pragma once

#include <cstdint>

namespace ubc::isolate {

/// "openat" for 257; of the 32-bit table with `compat`. nullptr: libseccomp had no name for the number when ubc was built.
[[nodiscard]] const char* system_call_name(std::uint32_t number, bool compat);

}  // namespace ubc::isolate

// SPDX-License-Identifier: Apache-2.0
// Words of mapped memory that hooks change under us: each is read or written once, whole.
#pragma once

#include <cstdint>

namespace ubc::bpf {

inline std::uint64_t load(const unsigned long long& word) { return __atomic_load_n(&word, __ATOMIC_ACQUIRE); }
inline void store(unsigned long long& word, std::uint64_t value) { __atomic_store_n(&word, value, __ATOMIC_RELEASE); }

}  // namespace ubc::bpf

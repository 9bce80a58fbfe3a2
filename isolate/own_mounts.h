// SPDX-License-Identifier: Apache-2.0
// Mounts that are made for a moment, in a mount namespace that nobody else is in; and those of the host, wherever we are ourselves: a
// service that confines itself has other ones.
#pragma once

#include <functional>

#include "os/result.h"

namespace ubc::isolate {

/// Runs `body` in a process of its own, with a copy of our mounts from which nothing goes out and into which nothing comes; it dies with
/// us, and those mounts with it. What it stores we see. Needs root. Fails with what body fails with.
[[nodiscard]] Result<> in_own_mounts(const std::function<Result<>()>& body);
/// The same in the mount namespace of the host's process 1: what is mounted stays.
[[nodiscard]] Result<> in_host_mounts(const std::function<Result<>()>& body);
inline constexpr const char* kHostMounts = "/proc/1/ns/mnt";   ///< to be entered
inline constexpr const char* kHostRoot = "/proc/1/root";       ///< before an absolute path: as it is there

}  // namespace ubc::isolate

// SPDX-License-Identifier: Apache-2.0
// Reads a tree that nobody vouches for: as a manifest, to know it again, or as a template's archive. For the program ubc-pack only:
// confinement is for good. Neither symbolic links are followed nor anything but regular files opened.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

/// What ubc-unpack takes by default, too.
inline constexpr std::uint64_t kMaxPackedBytes = std::uint64_t{64} << 30;

struct PackReport {
  std::uint64_t members = 0;
  std::uint64_t bytes = 0;   ///< of the regular files, holes included
};

/// Makes the directory the root of this process, which may then read and nothing else.
[[nodiscard]] Result<> enter_source(const std::string& directory);

/// Of the root directory of this process: a line a member in mtree(5)'s form, sorted, with its type, mode, owner, size, and SHA-256 or a
/// link's target.
[[nodiscard]] Result<PackReport> write_manifest(const os::Fd& out);

/// The same tree as tar.gz. Owners at or above `base` are a guest's, and are counted from 0. What is a machine's own is left out: what is
/// below /proc, /sys, /dev and /run, ssh host keys, nodes and sockets. Fails with Code::corrupt where a member belongs to no guest of that
/// base, or the tree is larger than kMaxPackedBytes.
[[nodiscard]] Result<PackReport> write_template(const os::Fd& out, uid_t base);

}  // namespace ubc::isolate

// SPDX-License-Identifier: Apache-2.0
// Unpacks a root file system archive that nobody vouches for. Two walls: every member is judged before it is written, and
// the process that writes is confined to the destination. For the program ubc-unpack only: confinement is for good.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "isolate/hashed_file.h"
#include "os/result.h"

namespace ubc::isolate {

struct UnpackLimits {
  std::uint64_t max_bytes = std::uint64_t{64} << 30;   ///< sum of the members' sizes as declared, holes included
  std::uint64_t max_members = 4'000'000;
};

struct UnpackReport {
  std::uint64_t members = 0;               ///< written
  std::uint64_t bytes = 0;                 ///< declared by the members
  std::uint64_t devices_left_out = 0;      ///< device nodes, pipes and sockets
  std::uint64_t attributes_left_out = 0;   ///< extended attributes other than user.*, security.capability and access lists
  std::string sha256;                      ///< of the whole archive, as it was read
};

/// Told between members and within large ones: how much of the archive's file has been read.
using ReadProgress = std::function<void(std::uint64_t bytes)>;

/// Makes the empty directory the root of this process, which may then write files as root and nothing else. Fails with Code::denied if not
/// root, Code::bad_state if the directory is not empty.
[[nodiscard]] Result<> enter_destination(const std::string& directory);

/// Unpacks into the root directory of this process, see enter_destination(). `name` is what errors call the archive.
/// Fails with Code::corrupt, naming the member, at the first one that is not acceptable; what was written before stays.
[[nodiscard]] Result<UnpackReport> unpack_archive(HashedFile& archive, const std::string& name, const UnpackLimits& limits,
                                                  const ReadProgress& progress);

}   // namespace ubc::isolate

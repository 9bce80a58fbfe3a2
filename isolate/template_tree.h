// SPDX-License-Identifier: Apache-2.0
// The unpacked trees behind the names of a template store, each once, under the digest of the archive that it came from.
//   DIRECTORY/sha256-HEX/   rootfs/   info: KEY="value" lines   manifest: what was unpacked, see ubc-pack
//   DIRECTORY/.new.XXXXXX   being made
// Whoever calls holds the store's lock.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "isolate/tree_tools.h"
#include "os/result.h"

namespace ubc::isolate {

/// Of an import: bytes of the archive that were read, and its size.
using ImportProgress = std::function<void(std::uint64_t read, std::uint64_t size)>;

/// What differs between a tree and its manifest.
struct TreeDifferences {
  std::vector<std::string> changed, missing, added;   ///< paths as the manifest spells them, sorted
  [[nodiscard]] bool none() const { return changed.empty() && missing.empty() && added.empty(); }
};
/// Pure: of two manifests.
[[nodiscard]] TreeDifferences compare_manifests(std::string_view was, std::string_view is);

/// 64 hexadecimal digits.
[[nodiscard]] Result<std::string> sha256_of(const std::string& path);
/// What is kept of a text that came with an archive: without control characters.
[[nodiscard]] std::string plain(std::string_view text);

class TemplateTrees {
 public:
  TemplateTrees(std::string directory, TreeTools tools);

  [[nodiscard]] std::string path_of(std::string_view digest) const;
  /// Unpacks the archive, checks that it can be a root file system, does what fix-ups say, and writes manifest and info. Visible only when
  /// complete and on disk. `digest` is the archive's; where it has changed since, Code::corrupt.
  [[nodiscard]] Result<> make(const std::string& archive, const std::string& digest, const ImportProgress& progress) const;
  /// Writes manifest and info of PATH/rootfs, which came from no archive.
  [[nodiscard]] Result<> describe(const std::string& path) const;
  /// Of the tree at `path`, one of ours. Fails with Code::bad_state where no manifest was kept, with Code::corrupt where that is not what
  /// it was.
  [[nodiscard]] Result<TreeDifferences> verify(const std::string& path) const;
  /// Removes those that are not `used` (names in the directory), and what was being made by somebody who died.
  void sweep(const std::vector<std::string>& used) const;

 private:
  [[nodiscard]] Result<> fill(const std::string& scratch, const std::string& archive, const std::string& digest,
                              const ImportProgress& progress) const;
  [[nodiscard]] Result<std::string> write_manifest(const std::string& path) const;

  std::string directory_;
  TreeTools tools_;
};

}  // namespace ubc::isolate

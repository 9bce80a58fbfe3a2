// SPDX-License-Identifier: Apache-2.0
// The templates of a host: archives unpacked once, shared read-only by all guests.
//   DIRECTORY/NAME/rootfs   the tree        DIRECTORY/NAME/info   KEY="value" lines
//   DIRECTORY/.new.XXXXXX   being made or removed; one that nobody works on is swept by the next call
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

struct TemplateInfo {
  std::string name;
  std::string source;                  ///< file name of the archive; empty if unknown
  std::optional<std::string> sha256;   ///< of the archive, 64 hexadecimal digits; nullopt where sha256sum is missing
  std::string time;                    ///< of the import, UTC, "2025-01-31T12:00:00Z"; empty if unknown
  std::string note;                    ///< what the unpacker said: members, bytes, what was left out
  std::string rootfs;                  ///< path of the tree
};

/// Letters, digits and "-_.+", not starting with ".", 1 to 64 of them; else fails with Code::bad_value.
[[nodiscard]] Result<> check_template_name(std::string_view name);
/// "/x/debian-12.tar.gz" -> "debian-12".
[[nodiscard]] std::string default_template_name(std::string_view archive);

/// Of an import: bytes of the archive that were read, and its size.
using ImportProgress = std::function<void(std::uint64_t read, std::uint64_t size)>;

class TemplateStore {
 public:
  /// `directory` need not exist yet; `unpacker` is the path of the program ubc-unpack.
  TemplateStore(std::string directory, std::string unpacker);

  /// By name. No store is an empty list.
  [[nodiscard]] Result<std::vector<TemplateInfo>> list() const;
  /// Fails with Code::not_found, and the names that exist.
  [[nodiscard]] Result<TemplateInfo> find(std::string_view name) const;
  /// Unpacks, checks that it can be a root file system, empties /etc/machine-id; visible only when all of it is done and on disk.
  /// Waits for another import or removal. Fails with Code::exists, with Code::corrupt if it is no root file system, and with
  /// the sentence of ubc-unpack if the archive is refused; then nothing is left.
  [[nodiscard]] Result<TemplateInfo> import_archive(const std::string& archive, const std::string& name,
                                                    const ImportProgress& progress = {}) const;
  /// The caller knows that no guest uses it. Fails with Code::not_found.
  [[nodiscard]] Result<> remove(std::string_view name) const;

 private:
  [[nodiscard]] Result<os::Fd> lock() const;
  void sweep() const;
  [[nodiscard]] Result<std::string> make_scratch() const;
  [[nodiscard]] Result<> fill(const std::string& scratch, const std::string& archive, const ImportProgress& progress) const;
  [[nodiscard]] TemplateInfo read_info(const std::string& name) const;
  [[nodiscard]] std::string path_of(std::string_view name) const;

  std::string directory_;
  std::string unpacker_;
};

}   // namespace ubc::isolate

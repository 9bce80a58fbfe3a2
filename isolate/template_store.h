// SPDX-License-Identifier: Apache-2.0
// The templates of a host: archives unpacked once, shared read-only by all guests. A name is a small record; names of the same archive
// share one tree.
//   DIRECTORY/NAME/info     KEY="value" lines: where it came from under this name
//   DIRECTORY/NAME/rootfs   symbolic link into .store; a directory, and SHA256 in info, where an earlier version imported it
//   DIRECTORY/empty/rootfs  a directory with nothing in it, and its manifest beside it: see make_empty()
//   DIRECTORY/.store/       the trees, see template_tree.h; earlier-HEX/ is one that an earlier version unpacked
//   DIRECTORY/.new.XXXXXX   being made or removed; one that nobody works on is swept by the next call
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "isolate/template_tree.h"
#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

struct TemplateInfo {
  std::string name;
  std::string source;                  ///< file name of the archive; empty if unknown
  std::optional<std::string> sha256;   ///< of the archive, 64 hexadecimal digits; nullopt if unknown
  std::optional<std::uint64_t> size;   ///< of the tree, bytes on disk; nullopt where an earlier version imported it
  std::string time;                    ///< of the import, UTC, "2025-01-31T12:00:00Z"; empty if unknown
  std::string note;                    ///< what the unpacker said: members, bytes, what was left out
  std::string init;                    ///< command of a guest's process 1; empty: the usual
  std::string stop;                    ///< signal or command that ends a guest; empty: what its init seems to hear
  std::string rootfs;                  ///< path of the tree
};

/// Letters, digits and "-_.+", not starting with ".", 1 to 64 of them; else fails with Code::bad_value.
[[nodiscard]] Result<> check_template_name(std::string_view name);
/// Of containers that have all of their files themselves.
inline constexpr std::string_view kEmptyTemplate = "empty";
/// "/x/debian-12.tar.gz" -> "debian-12".
[[nodiscard]] std::string default_template_name(std::string_view archive);

class TemplateStore {
 public:
  /// `directory` need not exist yet.
  TemplateStore(std::string directory, TreeTools tools);

  /// By name. No store is an empty list.
  [[nodiscard]] Result<std::vector<TemplateInfo>> list() const;
  /// Fails with Code::not_found, and the names that exist.
  [[nodiscard]] Result<TemplateInfo> find(std::string_view name) const;
  /// Unpacks, unless another name has that archive's tree; visible only when all of it is done and on disk. Waits for another import or
  /// removal. Fails with Code::exists, with Code::corrupt if it is no root file system, and with the sentence of ubc-unpack if the archive
  /// is refused; then nothing is left.
  [[nodiscard]] Result<TemplateInfo> import_archive(const std::string& archive, const std::string& name,
                                                    const ImportProgress& progress = {}) const;
  /// kEmptyTemplate, made unless it is there. Fails with Code::exists where a template of that name has something in it.
  [[nodiscard]] Result<TemplateInfo> make_empty() const;
  /// Fails with Code::not_found, and as TemplateTrees::verify().
  [[nodiscard]] Result<TreeDifferences> verify(std::string_view name) const;
  /// The caller knows that no guest uses it. Its tree goes with its last name. Fails with Code::not_found.
  [[nodiscard]] Result<> remove(std::string_view name) const;

 private:
  [[nodiscard]] Result<os::Fd> lock() const;
  void sweep() const;
  void adopt_earlier(const std::string& name) const;
  [[nodiscard]] Result<std::string> make_scratch() const;
  [[nodiscard]] Result<> put_in_place(const std::string& scratch, const std::string& name) const;
  [[nodiscard]] Result<> write_record(const std::string& name, const std::string& archive, const std::string& digest) const;
  [[nodiscard]] TemplateInfo read_info(const std::string& name) const;
  [[nodiscard]] std::string path_of(std::string_view name) const;

  std::string directory_;
  TemplateTrees trees_;
};

}  // namespace ubc::isolate

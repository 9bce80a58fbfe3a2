// SPDX-License-Identifier: Apache-2.0
// OpenVZ's configuration files, KEY="value" a line, read and written in place: comments, unknown keys and order stay. They are valid shell.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/limits.h"
#include "os/result.h"

namespace ubc::accounting {

class ConfigFile {
 public:
  ConfigFile() = default;
  /// Never fails: a line that says nothing is kept and mentioned in complaints(). (Pure.)
  [[nodiscard]] static ConfigFile parse(std::string_view text);
  /// A file that is not there is an empty one.
  [[nodiscard]] static Result<ConfigFile> load(const std::string& path);

  /// The value without quotes and backslashes. Of a repeated key the first counts, of a beancounter's the last (ubc-semantics 5.1).
  [[nodiscard]] std::optional<std::string> get(std::string_view key) const;
  /// Replaces the line that counts, or appends one. The value is quoted so that a shell reads the same.
  void set(std::string_view key, std::string_view value);
  void erase(std::string_view key);

  /// Each key once, in the file's order.
  [[nodiscard]] std::vector<std::string> keys() const;
  /// The numbers of one resource; nullopt: not in the file. Fails with Code::bad_value, naming the line.
  [[nodiscard]] Result<std::optional<Limits>> limits(const ResourceInfo& resource) const;

  /// "line 7: …", for each line that is neither blank, comment nor KEY=value.
  [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }
  [[nodiscard]] std::string text() const;
  [[nodiscard]] Result<> save(const std::string& path) const;

 private:
  struct Line {
    std::string text;  ///< as it stands in the file
    std::string key;  ///< empty: blank, comment or nonsense
    std::string value;
    const ResourceInfo* resource = nullptr;  ///< that the key names, under whichever of its names
  };
  [[nodiscard]] const Line* find(std::string_view key) const;
  [[nodiscard]] const Line* find(const ResourceInfo& resource) const;
  static Line parse_line(std::string_view text);

  std::vector<Line> lines_;
  std::vector<std::string> complaints_;
};

/// NUMPROC for "numproc".
[[nodiscard]] std::string key_of(std::string_view name);

}  // namespace ubc::accounting

// SPDX-License-Identifier: Apache-2.0
// Lines KEY="value", as a shell reads them: the form of configurations, records and what is known of a template.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ubc::os {

struct Assignment {
  std::string key;     ///< upper case, digits and _
  std::string value;   ///< without quotes and backslashes
};

/// One line. nullopt: it is blank, a comment, or something else.
[[nodiscard]] std::optional<Assignment> parse_assignment(std::string_view line);
/// All lines of a small file, read once to be asked for many keys.
class Assignments {
 public:
  explicit Assignments(std::string_view text);
  /// Of the first line that assigns to `key`; nullptr: none does. Lives as long as this.
  [[nodiscard]] const std::string* find(std::string_view key) const;
  /// The same; empty where none does.
  [[nodiscard]] std::string get(std::string_view key) const;

 private:
  std::vector<Assignment> lines_;
};

/// The value of the first line that assigns to `key`.
[[nodiscard]] std::optional<std::string> assigned_in(std::string_view text, std::string_view key);
/// KEY="value" without a line's end, quoted so that parse_assignment() and a shell read the same back. Line ends in the value are dropped.
[[nodiscard]] std::string format_assignment(std::string_view key, std::string_view value);

}  // namespace ubc::os

// SPDX-License-Identifier: Apache-2.0
// A container's beancounters as a table for people: show, show --watch and top. (Pure.)
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "accounting/beancounter.h"
#include "accounting/usage_rows.h"

namespace ubc::cli {

/// How much of the barrier (or limit) is held, of `width` signs; blank where there is none.
[[nodiscard]] std::string bar_of(const accounting::Beancounter& counter, std::size_t width);
/// Where it stands in a line, and how much of it is full (over 1: more than all).
struct Bar {
  std::size_t at = 0, width = 0;
  double share = 0;
};
/// The same in percent, rounded down: 100 only where the next charge is refused; 999 at most. nullopt: nothing refuses.
[[nodiscard]] std::optional<std::uint64_t> percent_of(const accounting::Beancounter& counter);
/// "+12", "-4M"; empty for none.
[[nodiscard]] std::string change_text(accounting::Unit unit, std::uint64_t before, std::uint64_t now);

struct TableLine {
  const accounting::ResourceInfo* info;   ///< nullptr: a line of usage
  std::string text;
  bool failed;   ///< something was refused: the line is marked
  Bar bar = {};
};
/// The columns there are on the screen, and what to compare with.
struct TableOptions {
  const accounting::Snapshot* before = nullptr;   ///< an earlier look; nullptr: this is the first
  std::size_t columns = 80;
  bool changes = false;                           ///< a column says how held has changed since
  const std::vector<accounting::UsageRow>* usage_before = nullptr;   ///< of the earlier look
  double seconds = 0;                             ///< since the earlier look: what was used meanwhile is said a second; 0: as a sum
};
[[nodiscard]] std::string table_heading(const TableOptions& options);
/// Above usage_lines() where they say what was used a second.
[[nodiscard]] std::string usage_heading();
/// A line for each resource that is counted, in the table's order.
[[nodiscard]] std::vector<TableLine> table_of(const accounting::Snapshot& now, const TableOptions& options);
/// A line for each row, in the same columns; where no bar is known, what its limit does stands in its place.
[[nodiscard]] std::vector<TableLine> usage_lines(const std::vector<accounting::UsageRow>& rows, const TableOptions& options);

}  // namespace ubc::cli

// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <fmt/format.h>
#include <unistd.h>

#include "cli/counter_table.h"

namespace ubc::cli {

void print_table(const accounting::Snapshot& snapshot, bool only_failed) {
  const bool color = ::isatty(STDOUT_FILENO) != 0;
  fmt::print("{}\n", table_heading({}));
  for (const TableLine& line : table_of(snapshot, {}))
    if (line.failed || !only_failed)
      fmt::print("{}{}{}\n", line.failed && color ? "\033[31m" : "", line.text, line.failed && color ? "\033[0m" : "");
}

}  // namespace ubc::cli

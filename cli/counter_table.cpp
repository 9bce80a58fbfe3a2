// SPDX-License-Identifier: Apache-2.0
#include "cli/counter_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ubc::cli {
namespace {

using accounting::Beancounter;
using accounting::ResourceInfo;

constexpr std::size_t kWidestBar = 12, kWidestOnScreen = 40, kNarrowestBar = 4;

/// What the numbers leave of the line; two signs are the mark's.
std::size_t bar_width(const TableOptions& options) {
  const std::size_t taken = table_heading(options).size() + 3;
  return std::clamp(options.columns > taken ? options.columns - taken : 0, kNarrowestBar, options.changes ? kWidestOnScreen : kWidestBar);
}

/// Full only where it is; empty only where nothing is held.
std::string signs_of(double share, std::size_t width) {
  const double signs = share * static_cast<double>(width);
  const auto whole = static_cast<std::size_t>(std::min(signs, static_cast<double>(width)));
  const std::size_t filled = std::min(width, whole + (static_cast<double>(whole) < signs ? 1 : 0));
  return std::string(filled, '#') + std::string(width - filled, '.');
}

std::optional<double> share_of(const Beancounter& counter) {
  const accounting::Limit bound = accounting::first_bound(counter);
  if (bound.is_unlimited() || bound.raw() == 0) return std::nullopt;
  return static_cast<double>(counter.held) / static_cast<double>(bound.raw());
}

std::string line_of(const ResourceInfo& info, const Beancounter& c, const TableOptions& options, std::size_t bar) {
  const auto text = [&](std::uint64_t amount) { return accounting::format_amount(info.unit, amount); };
  const std::string change =
      options.changes
          ? fmt::format(" {:>7}", options.before == nullptr ? "" : change_text(info.unit, options.before->of(info.resource).held, c.held))
          : "";
  std::string line = fmt::format("{:<13} {:>9}{} {:>9} {:>9} {:>9} {:>9} {} {}", info.name, text(c.held), change, text(c.maxheld),
                                 text(c.barrier), text(c.limit), c.failcnt, bar_of(c, bar), c.failcnt > 0 ? "!" : " ");
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

TableLine counter_line(const ResourceInfo& info, const Beancounter& counter, const TableOptions& options, std::size_t width) {
  TableLine line{&info, line_of(info, counter, options, width), counter.failcnt > 0};
  if (const auto share = share_of(counter)) line.bar = {table_heading(options).size() + 1, width, *share};
  return line;
}

std::optional<double> rate_since(const accounting::UsageRow& row, const TableOptions& options) {
  return options.usage_before == nullptr ? std::nullopt : accounting::rate_of(row, *options.usage_before, options.seconds);
}

std::string usage_change(const accounting::UsageRow& row, const TableOptions& options) {
  if (options.usage_before == nullptr) return "";
  if (const auto rate = rate_since(row, options)) return *rate == 0 ? "" : accounting::rate_text(row.unit, *rate);
  const auto before = std::ranges::find(*options.usage_before, row.name, &accounting::UsageRow::name);
  if (before == options.usage_before->end() || before->held == row.held) return "";
  return (row.held > before->held ? "+" : "-") + accounting::usage_text(row.unit, std::abs(row.held - before->held));
}

TableLine usage_line(const accounting::UsageRow& row, const TableOptions& options) {
  const auto bound = [&](const std::optional<double>& number) {
    if (!number) return std::string{"-"};
    return row.per_second ? accounting::rate_text(row.unit, *number) : accounting::usage_text(row.unit, *number);
  };
  const std::string change = options.changes ? fmt::format(" {:>7}", usage_change(row, options)) : "";
  TableLine line{nullptr,
                 fmt::format("{:<13} {:>9}{} {:>9} {:>9} {:>9} {:>9}", row.name, accounting::usage_text(row.unit, row.held), change, "-",
                             bound(row.barrier), bound(row.limit), row.failcnt ? std::to_string(*row.failcnt) : "-"),
                 false};
  const auto near = options.changes ? accounting::nearness_of(row, rate_since(row, options)) : std::nullopt;
  if (near) line.bar = {line.text.size() + 1, bar_width(options), *near};
  if (near)
    line.text += " " + signs_of(*near, line.bar.width);
  else if (!options.changes || row.at_limit == accounting::AtLimit::nothing)   // else its bar comes with the next look
    line.text += fmt::format(" {}", accounting::text_of(row.at_limit));
  return line;
}

}  // namespace

std::string bar_of(const Beancounter& counter, std::size_t width) {
  const auto share = share_of(counter);
  return share ? signs_of(*share, width) : std::string(width, ' ');
}

std::optional<std::uint64_t> percent_of(const Beancounter& counter) {
  const accounting::Limit bound = accounting::first_bound(counter);
  if (bound.is_unlimited() || bound.raw() == 0) return std::nullopt;
  const auto percent = static_cast<std::uint64_t>(100.0L * static_cast<long double>(counter.held) / static_cast<long double>(bound.raw()));
  return std::min<std::uint64_t>(percent, 999);
}

std::string change_text(accounting::Unit unit, std::uint64_t before, std::uint64_t now) {
  if (before == now) return "";
  return now > before ? "+" + accounting::format_amount(unit, now - before) : "-" + accounting::format_amount(unit, before - now);
}

std::string table_heading(const TableOptions& options) {
  return fmt::format("{:<13} {:>9}{} {:>9} {:>9} {:>9} {:>9}", "resource", "held", options.changes ? "  change" : "", "maxheld", "barrier",
                     "limit", "failcnt");
}

std::string usage_heading() {
  return fmt::format("{:<13} {:>9} {:>7} {:>9} {:>9} {:>9} {:>9}", "usage", "in all", "now", "", "barrier", "limit", "failcnt");
}

std::vector<TableLine> table_of(const accounting::Snapshot& now, const TableOptions& options) {
  const std::size_t bar = bar_width(options);
  std::vector<TableLine> lines;
  for (const ResourceInfo& info : accounting::kResources) {
    const Beancounter& counter = now.of(info.resource);
    lines.push_back(counter_line(info, counter, options, bar));
  }
  return lines;
}

std::vector<TableLine> usage_lines(const std::vector<accounting::UsageRow>& rows, const TableOptions& options) {
  std::vector<TableLine> lines;
  for (const accounting::UsageRow& row : rows) lines.push_back(usage_line(row, options));
  return lines;
}

}  // namespace ubc::cli

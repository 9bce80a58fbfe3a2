// SPDX-License-Identifier: Apache-2.0
#include "cli/top_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

#include "cli/counter_table.h"
#include "cli/refusal_text.h"
#include "os/text_file.h"

namespace ubc::cli {
namespace {

using accounting::ResourceInfo;

constexpr std::uint64_t kNear = 90;          // percent: told apart from the rest
constexpr std::size_t kRefusalLines = 3;     // below a container's table
constexpr const char* kHeadings[kTopColumns] = {"NEAREST BARRIER", "CTID", "NAME", "NPROC", "PHYSP", "CPU%", "FAILS"};

constexpr const char* kHelp[] = {
    "Running containers, and how near each is to the number that would refuse it.",
    "",
    "  arrows PgUp PgDn Home End   move",
    "  Enter                       look into the container: all its resources",
    "  s                           sort by the next column",
    "  /                           show only what has this in id, name or resource",
    "  e                           change barrier and limit, live, after a preview",
    "  q Esc                       back, and out",
    "",
    "NEAREST BARRIER  the resource of which most of the barrier is held (of the",
    "                 limit, where that comes first), and how much of it",
    "NPROC PHYSP      processes and threads; memory in RAM",
    "CPU%             of one CPU, since the last look",
    "FAILS            refused since the last look; red: there were some",
    "bold             90% or more are held",
    "",
    "any key leads back",
};

/// As wide as it must be: the rest of a name is cut, and says so.
std::string fitted(std::string text, std::size_t width) {
  if (text.size() > width) text = width > 1 ? text.substr(0, width - 1) + "~" : text.substr(0, width);
  return text;
}

std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  std::vector<std::string> lines;
  std::string rest = text;
  while (rest.size() > width) {
    std::size_t cut = rest.rfind(' ', width);
    if (cut == std::string::npos || cut == 0) cut = width;
    lines.push_back(rest.substr(0, cut));
    rest = rest.substr(std::min(rest.size(), rest[cut] == ' ' ? cut + 1 : cut));
  }
  lines.push_back(rest);
  return lines;
}

/// The first of `count` lines that `room` shows so that `place` is among them, in the middle where it can.
std::size_t first_shown(std::size_t place, std::size_t count, std::size_t room) {
  if (count <= room) return 0;
  return std::min(place > room / 2 ? place - room / 2 : 0, count - room);
}

/// What a wide screen has to give goes to names and bars.
struct Widths {
  std::size_t name, bar;
};
Widths widths_for(std::size_t columns) {
  constexpr std::size_t kOthers = 57;   // all other columns, and the blanks between
  const std::size_t room = columns > kOthers + 19 ? columns - kOthers : 19;
  const std::size_t bar = std::clamp<std::size_t>(room / 3, 6, 24);
  return {std::min<std::size_t>(room - bar, 40), bar};
}

std::string row_text(const TopEntry& entry, const Widths& widths) {
  const accounting::Snapshot& counters = entry.row.counters;
  const std::string nearest = entry.nearest == nullptr
                                  ? std::string(widths.bar, ' ') + "    -"
                                  : fmt::format("{} {:>3}%", bar_of(counters.of(entry.nearest->resource), widths.bar), entry.percent);
  return fmt::format(
      "{:>10}{}{:<{}} {:<13} {} {:>5} {:>6} {:>5} {:>5}", entry.row.id, entry.row.adopted ? '*' : ' ',
      fitted(os::printable(entry.row.name), widths.name), widths.name, entry.nearest == nullptr ? "" : entry.nearest->name, nearest,
      counters.of(UBC_NUMPROC).held, accounting::format_amount(accounting::Unit::pages, counters.of(UBC_PHYSPAGES).held),
      entry.cpu_percent ? fmt::format("{:.1f}", *entry.cpu_percent) : "-", entry.new_fails == 0 ? "" : fmt::format("+{}", entry.new_fails));
}

std::string column_headings(const Widths& widths) {
  return fmt::format("{:>10} {:<{}} {:<{}} {:>5} {:>6} {:>5} {:>5}", "CTID", "NAME", widths.name, "NEAREST BARRIER",
                     13 + 1 + widths.bar + 5, "NPROC", "PHYSP", "CPU%", "FAILS");
}

std::string list_title(const TopState& state, std::size_t shown) {
  const auto adopted = std::ranges::count_if(state.entries, [](const TopEntry& entry) { return entry.row.adopted; });
  std::string title = fmt::format("ubctl top  {}  {} running", state.clock, state.entries.size());
  if (adopted > 0) title += fmt::format(", {} adopted (*)", adopted);
  title += fmt::format("  by {}", kHeadings[static_cast<int>(state.sort)]);
  if (!state.filter.empty()) title += fmt::format("  only \"{}\": {}", state.filter, shown);
  return title;
}

Style style_of(const TopEntry& entry) {
  if (entry.new_fails > 0) return Style::alarm;
  return entry.nearest != nullptr && entry.percent >= kNear ? Style::strong : Style::plain;
}

std::vector<ScreenLine> list_lines(const TopState& state, ScreenSize size, std::size_t room) {
  const auto list = visible(state);
  const Widths widths = widths_for(size.columns);
  std::vector<ScreenLine> lines{{list_title(state, list.size()), Style::heading}, {column_headings(widths), Style::dim}};
  const std::size_t rows = room > lines.size() ? room - lines.size() : 0;
  const std::size_t first = first_shown(state.place, list.size(), rows);
  for (std::size_t i = first; i < std::min(list.size(), first + rows); ++i)
    lines.push_back({row_text(*list[i], widths), list[i]->row.id == state.selected ? Style::selected : style_of(*list[i])});
  if (list.empty())
    lines.push_back({state.entries.empty() ? "no container runs: ubctl start CTID starts one, ubctl adopt counts one that others started"
                                           : "none passes the filter: Esc shows all",
                     Style::plain});
  return lines;
}

/// Of the resource that is selected: who was refused it last, and what would cure it.
std::vector<ScreenLine> refusal_lines(const TopState& state, const TopEntry& entry, const ResourceInfo& info, std::size_t columns) {
  const auto found = std::ranges::find(state.refusals, info.resource, &container::Refusal::resource);
  const std::uint64_t failcnt = entry.row.counters.of(info.resource).failcnt;
  std::string text = failcnt == 0 ? fmt::format("{}: nothing was refused", info.name)
                                  : fmt::format("{}: refused {} time{}", info.name, failcnt, failcnt == 1 ? "" : "s");
  if (found != state.refusals.end() && failcnt > 0)
    text = sentence_of(*found, failcnt, std::chrono::system_clock::now()) + " To let it pass: " + container::cure_line(*found);
  std::vector<ScreenLine> lines;
  for (const std::string& line : wrapped(os::printable(text), columns)) lines.push_back({line, failcnt == 0 ? Style::dim : Style::plain});
  lines.resize(kRefusalLines);
  return lines;
}

std::vector<ScreenLine> container_lines(const TopState& state, const TopEntry& entry, ScreenSize size, std::size_t room) {
  const TableOptions options{entry.before ? &*entry.before : nullptr, size.columns, true};
  const std::vector<TableLine> table = table_of(entry.row.counters, options);
  std::vector<ScreenLine> lines{{fmt::format("ubctl top  {}  container {}{}{}{}", state.clock, entry.row.id,
                                             entry.row.name.empty() ? "" : fmt::format(" ({})", os::printable(entry.row.name)),
                                             entry.row.adopted ? ", adopted" : "", entry.row.counters.is_vswap() ? ", VSwap" : ""),
                                 Style::heading},
                                {table_heading(options), Style::dim}};
  const std::size_t others = lines.size() + kRefusalLines;
  const std::size_t rows = room > others ? room - others : 0;
  const std::size_t first = first_shown(state.resource, table.size(), rows);
  for (std::size_t i = first; i < std::min(table.size(), first + rows); ++i)
    lines.push_back({table[i].text, i == state.resource ? Style::selected : table[i].failed ? Style::alarm : Style::plain});
  std::ranges::move(refusal_lines(state, entry, *table[state.resource].info, size.columns), std::back_inserter(lines));
  return lines;
}

std::string preview_text(const container::LimitChange& change) {
  return fmt::format("{}: {} -> {}: {}", accounting::info_of(change.resource)->name, accounting::format_limits(change.before),
                     accounting::format_limits(change.after), container::effect_of(change));
}

/// The lines below: a message or a prompt, or which keys there are.
std::vector<ScreenLine> footer(const TopState& state, std::size_t columns) {
  std::vector<ScreenLine> lines;
  if (!state.message.empty())
    for (const std::string& line : wrapped(os::printable(state.message), columns))
      lines.push_back({line, state.alarming ? Style::alarm : Style::strong});
  switch (state.prompt) {
    case TopPrompt::filter: lines.push_back({"/" + state.filter, Style::plain}); return lines;
    case TopPrompt::numbers:
      lines.push_back({fmt::format("container {}, resource and barrier:limit (Enter: preview, Esc: no)", state.selected), Style::dim});
      lines.push_back({"> " + state.typed, Style::plain});
      return lines;
    case TopPrompt::confirm:
      for (const container::LimitChange& change : state.preview)
        for (const std::string& line : wrapped(preview_text(change), columns)) lines.push_back({line, Style::plain});
      lines.push_back({fmt::format("set it in container {}, live? y: yes, any other key: no", state.selected), Style::strong});
      return lines;
    case TopPrompt::none: break;
  }
  if (!lines.empty()) return lines;
  if (!state.trouble.empty()) return {{state.trouble, Style::alarm}};
  return {{state.view == TopView::list ? "arrows move  Enter look into  s sort  / filter  e change limits  ? help  q quit"
                                       : "arrows move  e change limits  ? help  q back",
           Style::dim}};
}

std::vector<ScreenLine> help_lines() {
  std::vector<ScreenLine> lines{{"ubctl top: help", Style::heading}};
  for (const char* line : kHelp) lines.push_back({line, Style::plain});
  return lines;
}

std::vector<ScreenLine> body_lines(const TopState& state, ScreenSize size, std::size_t room) {
  const TopEntry* entry = selected_entry(state);
  if (state.view == TopView::container && entry != nullptr) return container_lines(state, *entry, size, room);
  return list_lines(state, size, room);
}

}  // namespace

Picture picture_of(const TopState& state, ScreenSize size) {
  Picture picture;
  if (state.view == TopView::help) {
    picture.lines = help_lines();
  } else {
    std::vector<ScreenLine> below = footer(state, size.columns);
    const std::size_t kept = std::min(below.size(), size.rows);
    picture.lines = body_lines(state, size, size.rows - kept);
    picture.lines.resize(size.rows - kept);
    std::ranges::move(below.end() - static_cast<std::ptrdiff_t>(kept), below.end(), std::back_inserter(picture.lines));
    if (state.prompt == TopPrompt::filter || state.prompt == TopPrompt::numbers) picture.cursor = picture.lines.back().text.size();
  }
  picture.lines.resize(std::min(picture.lines.size(), size.rows));
  for (ScreenLine& line : picture.lines) line.text = line.text.substr(0, size.columns);
  if (picture.cursor) picture.cursor = std::min(*picture.cursor, size.columns - 1);
  return picture;
}

}  // namespace ubc::cli

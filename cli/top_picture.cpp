// SPDX-License-Identifier: Apache-2.0
#include "cli/top_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>

#include "cli/counter_table.h"
#include "cli/refusal_text.h"
#include "os/text_file.h"

namespace ubc::cli {
namespace {

using accounting::ResourceInfo;

constexpr std::uint64_t kNear = 90;          // percent: told apart from the rest
constexpr double kWarm = 0.75, kHot = 0.9;   // of a bar, as the console's
constexpr std::size_t kRefusalLines = 3;     // below a container's table

constexpr const char* kHeadings[kTopColumns] = {"NEAREST BARRIER", "CTID", "NAME", "NPROC", "PHYSP", "CPU%", "FAILS"};

constexpr const char* kHelp[] = {
    "Running containers, and how near each is to the number that would refuse it.",
    "",
    "  arrows PgUp PgDn Home End   move",
    "  Enter                       look into the container: all its resources",
    "  s r                         sort by the next column; the other way round",
    "  /                           show only what has this in id, name or resource",
    "  e                           change barrier and limit, live, after a preview",
    "  q Esc                       back, and out",
    "  mouse                       a heading sorts, a line is selected, twice: opened;",
    "                              with Shift the terminal selects text as ever",
    "",
    "NEAREST BARRIER  the resource of which most of the barrier is held (of the",
    "                 limit, where that comes first), and how much of it",
    "NPROC PHYSP      processes and threads; memory in RAM",
    "CPU%             of one CPU, since the last look",
    "FAILS            refused since the last look; red: there were some",
    "bold             90% or more are held",
    "usage            in a container, below its resources: what it used besides,",
    "                 in all and a second since the last look; % is of one CPU",
    "",
    "any key leads back",
};

/// A key that can be pressed now; `key`: 0 where a mouse can't.
struct Hint {
  const char* name;
  const char* what;
  char key;
};
constexpr Hint kListHints[] = {{"arrows", "move", 0}, {"Enter", "open", '\r'}, {"s", "sort", 's'}, {"r", "reverse", 'r'},
                               {"/", "filter", '/'},  {"e", "limits", 'e'},    {"?", "help", '?'}, {"q", "quit", 'q'}};
constexpr Hint kContainerHints[] = {{"arrows", "move", 0}, {"e", "change limits", 'e'}, {"?", "help", '?'}, {"q", "back", 'q'}};

/// Lines, and what a mouse finds in them.
struct Block {
  std::vector<ScreenLine> lines;
  std::vector<Spot> spots;

  void add(ScreenLine line) { lines.push_back(std::move(line)); }
  /// The whole line is the item.
  void add_item(ScreenLine line, std::size_t index, std::size_t columns) {
    spots.push_back({lines.size(), 0, columns, Spot::What::item, index});
    add(std::move(line));
  }
  void append(Block below) {
    for (Spot& spot : below.spots) spot.row += lines.size(), spots.push_back(spot);
    std::ranges::move(below.lines, std::back_inserter(lines));
  }
};

/// In colour what is full.
void paint(ScreenLine& line, const Bar& bar) {
  if (bar.width == 0) return;
  const std::size_t full = static_cast<std::size_t>(std::ranges::count(line.text.substr(bar.at, bar.width), '#'));
  line.spans.push_back({bar.at, full, bar.share >= kHot ? Style::hot : bar.share >= kWarm ? Style::warm : Style::calm});
  line.spans.push_back({bar.at + full, bar.width - full, Style::dim});
}

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

/// Where row_text() has the bar.
Bar bar_in(const TopEntry& entry, const Widths& widths) {
  constexpr std::size_t kBefore = 10 + 1 + 1 + 13 + 1;
  return entry.nearest == nullptr ? Bar{} : Bar{kBefore + widths.name, widths.bar, static_cast<double>(entry.percent) / 100};
}

/// What it is sorted by stands out; each can be clicked.
void add_headings(Block& block, const TopState& state, const Widths& widths) {
  ScreenLine line{fmt::format("{:>10} {:<{}} {:<{}} {:>5} {:>6} {:>5} {:>5}", "CTID", "NAME", widths.name, "NEAREST BARRIER",
                              13 + 1 + widths.bar + 5, "NPROC", "PHYSP", "CPU%", "FAILS"),
                  Style::dim};
  for (std::size_t column = 0; column < std::size(kHeadings); ++column) {
    const std::string_view name = kHeadings[column];
    const std::size_t at = line.text.find(name);
    const std::size_t from = at == 0 ? 0 : line.text.find_last_not_of(' ', at - 1) + 1;   // blanks before and after are its own
    const std::size_t end = std::min(line.text.find_first_not_of(' ', at + name.size()), line.text.size());
    block.spots.push_back({block.lines.size(), from, end - from, Spot::What::column, column});
    if (state.sort == static_cast<TopColumn>(column)) line.spans.push_back({at, name.size(), Style::strong});
  }
  block.add(std::move(line));
}

std::string list_title(const TopState& state, std::size_t shown) {
  const auto adopted = std::ranges::count_if(state.entries, [](const TopEntry& entry) { return entry.row.adopted; });
  std::string title = fmt::format("ubctl top  {}  {} running", state.clock, state.entries.size());
  if (adopted > 0) title += fmt::format(", {} adopted (*)", adopted);
  title += fmt::format("  by {}", kHeadings[static_cast<int>(state.sort)]);
  if (state.reversed) title += ", reversed";
  if (!state.filter.empty()) title += fmt::format("  only \"{}\": {}", state.filter, shown);
  return title;
}

Style style_of(const TopEntry& entry) {
  if (entry.new_fails > 0) return Style::alarm;
  return entry.nearest != nullptr && entry.percent >= kNear ? Style::strong : Style::plain;
}

Block list_lines(const TopState& state, ScreenSize size, std::size_t room) {
  const auto list = visible(state);
  const Widths widths = widths_for(size.columns);
  Block block;
  block.add({list_title(state, list.size()), Style::heading});
  add_headings(block, state, widths);
  const std::size_t rows = room > block.lines.size() ? room - block.lines.size() : 0;
  const std::size_t first = first_shown(state.place, list.size(), rows);
  for (std::size_t i = first; i < std::min(list.size(), first + rows); ++i) {
    ScreenLine line{row_text(*list[i], widths), list[i]->row.id == state.selected ? Style::selected : style_of(*list[i])};
    paint(line, bar_in(*list[i], widths));
    block.add_item(std::move(line), i, size.columns);
  }
  if (list.empty())
    block.add({state.entries.empty() ? "no container runs: ubctl start CTID starts one, ubctl adopt counts one that others started"
                                     : "none passes the filter: Esc shows all",
               Style::plain});
  return block;
}

/// What becomes of what would go over a row of usage's limit, and what sets it.
std::string usage_sentence(const accounting::UsageRow& row, const TopEntry& entry) {
  using accounting::AtLimit;
  const char* what = row.at_limit == AtLimit::throttled ? "what goes over its limit waits"
                     : row.at_limit == AtLimit::refused ? "what goes over its limit is refused"
                                                        : "counted, without a limit";
  return entry.row.adopted ? fmt::format("{}: {}", row.name, what)
                           : fmt::format("{}: {}; ubctl set {} --{} sets it", row.name, what, entry.row.id, row.option);
}

/// Of a resource: who was refused it last, and what would cure it.
std::string refusal_sentence(const TopState& state, const TopEntry& entry, const ResourceInfo& info) {
  const std::uint64_t failcnt = entry.row.counters.of(info.resource).failcnt;
  if (failcnt == 0) return fmt::format("{}: nothing was refused", info.name);
  const auto found = std::ranges::find(state.refusals, info.resource, &container::Refusal::resource);
  if (found == state.refusals.end()) return fmt::format("{}: refused {} time{}", info.name, failcnt, failcnt == 1 ? "" : "s");
  return sentence_of(*found, failcnt, std::chrono::system_clock::now()) + " To let it pass: " + container::cure_line(*found);
}

/// Of the line that is selected.
Block explanation(const TopState& state, const TopEntry& entry, std::size_t columns) {
  const accounting::UsageRow* usage = selected_usage(state);
  const ResourceInfo* info = usage == nullptr ? counted_resources()[state.line] : nullptr;
  const bool refused = info != nullptr && entry.row.counters.of(info->resource).failcnt > 0;
  const std::string text = info == nullptr ? usage_sentence(*usage, entry) : refusal_sentence(state, entry, *info);
  Block block;
  for (const std::string& line : wrapped(os::printable(text), columns)) block.add({line, refused ? Style::plain : Style::dim});
  block.lines.resize(kRefusalLines);
  return block;
}

/// All lines of a container's table: of its resources, and below a heading of what it uses besides.
Block table_lines(const TopState& state, const TopEntry& entry, std::size_t columns) {
  const TableOptions options{.before = entry.before ? &*entry.before : nullptr,
                             .columns = columns,
                             .changes = true,
                             .usage_before = &state.usage_before,
                             .seconds = state.usage_seconds};
  Block block;
  std::size_t item = 0;
  const auto add = [&](const TableLine& shown) {
    ScreenLine line{shown.text, item == state.line ? Style::selected : shown.failed ? Style::alarm : Style::plain};
    paint(line, shown.bar);
    block.add_item(std::move(line), item++, columns);
  };
  std::ranges::for_each(table_of(entry.row.counters, options), add);
  if (!state.usage.empty()) block.add({usage_heading(), Style::dim});
  std::ranges::for_each(usage_lines(state.usage, options), add);
  return block;
}

/// Those `rows` lines of it in which the selected one is.
Block cut(Block whole, std::size_t selected, std::size_t rows) {
  const auto found = std::ranges::find(whole.spots, selected, &Spot::index);
  const std::size_t first = first_shown(found == whole.spots.end() ? 0 : found->row, whole.lines.size(), rows);
  Block part;
  for (std::size_t i = first; i < std::min(whole.lines.size(), first + rows); ++i) part.add(std::move(whole.lines[i]));
  for (const Spot& spot : whole.spots)
    if (spot.row >= first && spot.row < first + rows) part.spots.push_back(spot), part.spots.back().row -= first;
  return part;
}

Block container_lines(const TopState& state, const TopEntry& entry, ScreenSize size, std::size_t room) {
  Block block;
  block.add({fmt::format("ubctl top  {}  container {}{}{}{}", state.clock, entry.row.id,
                         entry.row.name.empty() ? "" : fmt::format(" ({})", os::printable(entry.row.name)),
                         entry.row.adopted ? ", adopted" : "", entry.row.counters.is_vswap() ? ", VSwap" : ""),
             Style::heading});
  block.add({table_heading({.columns = size.columns, .changes = true}), Style::dim});
  const std::size_t others = block.lines.size() + kRefusalLines;
  block.append(cut(table_lines(state, entry, size.columns), state.line, room > others ? room - others : 0));
  block.append(explanation(state, entry, size.columns));
  return block;
}

std::string preview_text(const container::LimitChange& change) {
  return fmt::format("{}: {} -> {}: {}", accounting::info_of(change.resource)->name, accounting::format_limits(change.before),
                     accounting::format_limits(change.after), container::effect_of(change));
}

Block hints(std::span<const Hint> all) {
  ScreenLine line{"", Style::dim};
  Block block;
  for (const Hint& hint : all) {
    if (!line.text.empty()) line.text += "  ";
    const std::string_view name = hint.name, what = hint.what;
    line.spans.push_back({line.text.size(), name.size(), Style::strong});
    if (hint.key != 0)
      block.spots.push_back({0, line.text.size(), name.size() + 1 + what.size(), Spot::What::key, static_cast<std::size_t>(hint.key)});
    line.text += fmt::format("{} {}", name, what);
  }
  block.add(std::move(line));
  return block;
}

/// The lines below: a message or a prompt, or which keys there are.
Block footer(const TopState& state, std::size_t columns) {
  Block block;
  if (!state.message.empty())
    for (const std::string& line : wrapped(os::printable(state.message), columns))
      block.add({line, state.alarming ? Style::alarm : Style::strong});
  switch (state.prompt) {
    case TopPrompt::filter: block.add({"/" + state.filter}); return block;
    case TopPrompt::numbers:
      block.add({fmt::format("container {}, resource and barrier:limit (Enter: preview, Esc: no)", state.selected), Style::dim});
      block.add({"> " + state.typed});
      return block;
    case TopPrompt::confirm:
      for (const container::LimitChange& change : state.preview)
        for (const std::string& line : wrapped(preview_text(change), columns)) block.add({line});
      block.add({fmt::format("set it in container {}, live? y: yes, any other key: no", state.selected), Style::strong});
      return block;
    case TopPrompt::none: break;
  }
  if (!block.lines.empty()) return block;
  if (!state.trouble.empty()) return {{{state.trouble, Style::alarm}}, {}};
  return state.view == TopView::list ? hints(kListHints) : hints(kContainerHints);
}

Block help_lines() {
  Block block;
  block.add({"ubctl top: help", Style::heading});
  for (const char* line : kHelp) block.add({line});
  return block;
}

Block body_lines(const TopState& state, ScreenSize size, std::size_t room) {
  const TopEntry* entry = selected_entry(state);
  if (state.view == TopView::container && entry != nullptr) return container_lines(state, *entry, size, room);
  return list_lines(state, size, room);
}

/// The last `rows` lines: of a low window what is asked is what is left.
Block tail(Block block, std::size_t rows) {
  const std::size_t dropped = block.lines.size() - std::min(block.lines.size(), rows);
  block.lines.erase(block.lines.begin(), block.lines.begin() + static_cast<std::ptrdiff_t>(dropped));
  std::erase_if(block.spots, [&](const Spot& spot) { return spot.row < dropped; });
  for (Spot& spot : block.spots) spot.row -= dropped;
  return block;
}

}  // namespace

Picture picture_of(const TopState& state, ScreenSize size) {
  Block block;
  if (state.view == TopView::help) {
    block = help_lines();
  } else {
    Block below = tail(footer(state, size.columns), size.rows);
    const std::size_t room = size.rows - below.lines.size();
    block = body_lines(state, size, room);
    block.lines.resize(room);
    std::erase_if(block.spots, [&](const Spot& spot) { return spot.row >= room; });
    block.append(std::move(below));
  }
  block.lines.resize(std::min(block.lines.size(), size.rows));
  Picture picture{std::move(block.lines), std::nullopt, std::move(block.spots)};
  if (state.prompt == TopPrompt::filter || state.prompt == TopPrompt::numbers)
    picture.cursor = std::min(picture.lines.back().text.size(), size.columns - 1);
  for (ScreenLine& line : picture.lines) line.text = line.text.substr(0, size.columns);
  return picture;
}

}  // namespace ubc::cli

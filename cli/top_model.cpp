// SPDX-License-Identifier: Apache-2.0
#include "cli/top_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "cli/counter_table.h"
#include "os/text_file.h"

namespace ubc::cli {
namespace {

using accounting::ResourceInfo;
using accounting::Snapshot;

constexpr std::size_t kLongestTyped = 200;
constexpr int kWheelLines = 3;

void find_nearest(TopEntry& entry) {
  for (const ResourceInfo& info : accounting::kResources) {
    if (accounting::never_refuses(info.resource)) continue;
    const auto percent = percent_of(entry.row.counters.of(info.resource));
    if (percent && (entry.nearest == nullptr || *percent > entry.percent)) entry.nearest = &info, entry.percent = *percent;
  }
}

void compare(TopEntry& entry, const TopEntry& earlier, double passed) {
  entry.before = earlier.row.counters;
  if (entry.row.cpu_seconds && earlier.row.cpu_seconds && passed > 0)
    entry.cpu_percent = std::max(0.0, 100 * (*entry.row.cpu_seconds - *earlier.row.cpu_seconds) / passed);
  for (const ResourceInfo& info : accounting::kResources) {
    const std::uint64_t now = entry.row.counters.of(info.resource).failcnt, then = entry.before->of(info.resource).failcnt;
    if (now > then) entry.new_fails += now - then;   // less: another run of the container
  }
}

bool passes(const TopEntry& entry, const std::string& filter) {
  return filter.empty() || std::to_string(entry.row.id).find(filter) != std::string::npos ||
         os::printable(entry.row.name).find(filter) != std::string::npos ||
         (entry.nearest != nullptr && entry.nearest->name.find(filter) != std::string_view::npos);
}

/// What a column sorts by: the greatest first.
double weight_of(const TopEntry& entry, TopColumn column) {
  switch (column) {
    case TopColumn::nearest: return entry.nearest == nullptr ? -1.0 : static_cast<double>(entry.percent);
    case TopColumn::numproc: return static_cast<double>(entry.row.counters.of(UBC_NUMPROC).held);
    case TopColumn::physpages: return static_cast<double>(entry.row.counters.of(UBC_PHYSPAGES).held);
    case TopColumn::cpu: return entry.cpu_percent.value_or(-1.0);
    case TopColumn::fails: return static_cast<double>(entry.new_fails);
    case TopColumn::ctid:
    case TopColumn::name: return 0;
  }
  std::unreachable();
}

bool comes_before(const TopEntry& a, const TopEntry& b, TopColumn column) {
  if (column == TopColumn::name && a.row.name != b.row.name)   // those without one last
    return std::tuple{a.row.name.empty(), a.row.name} < std::tuple{b.row.name.empty(), b.row.name};
  return std::tuple{-weight_of(a, column), a.row.id} < std::tuple{-weight_of(b, column), b.row.id};
}

/// The selected container keeps its selection wherever it stands now; one that is gone leaves it to who stands there.
void follow_selection(TopState& state) {
  const auto list = visible(state);
  const auto found = std::ranges::find(list, state.selected, [](const TopEntry* entry) { return entry->row.id; });
  if (found != list.end())
    state.place = static_cast<std::size_t>(found - list.begin());
  else
    state.place = list.empty() ? 0 : std::min(state.place, list.size() - 1);
  state.selected = list.empty() ? 0 : list[state.place]->row.id;
}

void say(TopState& state, std::string text, bool alarming = false) {
  state.message = std::move(text);
  state.alarming = alarming;
}

/// Where a movement key leads in a list of `count`; no other key moves.
std::size_t moved(std::size_t place, std::size_t count, const Key& key, ScreenSize size) {
  using enum Key::Kind;
  const std::size_t page = size.rows > 5 ? size.rows - 5 : 1;
  const std::size_t last = count == 0 ? 0 : count - 1;
  if (key.kind == up) return place == 0 ? 0 : place - 1;
  if (key.kind == page_up) return place < page ? 0 : place - page;
  if (key.kind == down) return std::min(place + 1, last);
  if (key.kind == page_down) return std::min(place + page, last);
  if (key.kind == home) return 0;
  if (key.kind == end) return last;
  return std::min(place, last);
}

void move(TopState& state, const Key& key, ScreenSize size) {
  if (state.view == TopView::container) {
    state.line = moved(state.line, counted_resources().size() + state.usage.size(), key, size);
    return;
  }
  const auto list = visible(state);
  state.place = moved(state.place, list.size(), key, size);
  state.selected = list.empty() ? 0 : list[state.place]->row.id;
}

/// True where the key belonged to the text.
bool edit(std::string& text, const Key& key) {
  if (key.kind == Key::Kind::backspace && !text.empty()) text.pop_back();
  if (key.kind == Key::Kind::character && text.size() < kLongestTyped) text += key.character;
  return key.kind == Key::Kind::backspace || key.kind == Key::Kind::character;
}

/// The resource at hand with its numbers of now, to be changed.
void ask_numbers(TopState& state) {
  const TopEntry* entry = selected_entry(state);
  if (entry == nullptr) return say(state, "no container is selected");
  const bool inside = state.view == TopView::container;
  if (const accounting::UsageRow* usage = inside ? selected_usage(state) : nullptr; usage != nullptr)
    return say(state, entry->row.adopted ? fmt::format("{} is limited by whoever made the cgroup of {}", usage->name, state.selected)
                                         : fmt::format("{} is limited by ubctl set {} --{}", usage->name, state.selected, usage->option));
  const ResourceInfo* info = inside ? counted_resources()[state.line] : entry->nearest;
  if (info == nullptr) info = accounting::info_of(UBC_NUMPROC);
  const accounting::Beancounter& now = entry->row.counters.of(info->resource);
  const accounting::Limits limits{accounting::Limit::at(now.barrier), accounting::Limit::at(now.limit)};
  state.prompt = TopPrompt::numbers;
  state.typed = fmt::format("{} {}", info->name, accounting::format_limits(limits));
}

/// Of "numproc 100:120".
Result<accounting::AllLimits> parse_numbers(const std::string& typed) {
  const std::size_t start = std::min(typed.find_first_not_of(' '), typed.size());
  const std::size_t blank = typed.find(' ', start);
  if (blank == std::string::npos) return os::error(Code::bad_value, "say a resource and its numbers: numproc 100:120");
  const ResourceInfo* info = UBC_TRY(accounting::parse_resource(typed.substr(start, blank - start)));
  accounting::AllLimits limits;
  limits[info->resource] = UBC_TRY(accounting::parse_limits(*info, os::trimmed(typed.substr(blank))));
  return limits;
}

TopWish press_numbers(TopState& state, const Key& key) {
  if (edit(state.typed, key)) return {};
  if (key.kind == Key::Kind::escape) state.prompt = TopPrompt::none;
  if (key.kind != Key::Kind::enter) return {};
  const auto limits = parse_numbers(state.typed);
  if (!limits) {
    say(state, limits.error().message, true);
    return {};
  }
  state.limits = *limits;
  return {TopWish::Kind::preview, state.selected, *limits};
}

TopWish press_confirm(TopState& state, const Key& key) {
  if (key.kind == Key::Kind::none || key.kind == Key::Kind::resize) return {};
  state.prompt = TopPrompt::none;
  state.preview.clear();
  if (key.character == 'y') return {TopWish::Kind::apply, state.selected, state.limits};
  say(state, "nothing was changed");
  return {};
}

TopWish press_filter(TopState& state, const Key& key) {
  if (edit(state.filter, key)) follow_selection(state);
  if (key.kind == Key::Kind::enter) state.prompt = TopPrompt::none;
  if (key.kind == Key::Kind::escape) {
    state.prompt = TopPrompt::none;
    state.filter.clear();
    follow_selection(state);
  }
  return {};
}

/// q and Escape: out of a container, of a filter (Escape), of the program.
TopWish go_back(TopState& state, const Key& key) {
  if (state.view == TopView::container) {
    state.view = TopView::list;
    follow_selection(state);
    return {};
  }
  if (key.kind == Key::Kind::escape && !state.filter.empty()) {
    state.filter.clear();
    follow_selection(state);
    return {};
  }
  return {TopWish::Kind::quit, 0, {}};
}

TopWish look_into(TopState& state) {
  const TopEntry* entry = selected_entry(state);
  if (state.view != TopView::list || entry == nullptr) return {};
  state.view = TopView::container;
  state.refusals.clear();
  state.usage.clear();
  state.usage_before.clear();
  const auto resources = counted_resources();
  const auto nearest = std::ranges::find(resources, entry->nearest);
  state.line = nearest == resources.end() ? 0 : static_cast<std::size_t>(nearest - resources.begin());
  return {TopWish::Kind::read, 0, {}};
}

/// The column that it is sorted by already: the other way round.
void sort_by(TopState& state, TopColumn column) {
  state.reversed = state.sort == column && !state.reversed;
  state.sort = column;
  follow_selection(state);
}

TopWish press_command(TopState& state, const Key& key) {
  switch (key.character) {
    case 'q': return go_back(state, key);
    case 'e': ask_numbers(state); break;
    case '?':
      state.below_help = state.view;
      state.view = TopView::help;
      break;
    case '/':
      if (state.view == TopView::list) state.prompt = TopPrompt::filter;
      break;
    case 's':
      if (state.view == TopView::list) sort_by(state, static_cast<TopColumn>((static_cast<int>(state.sort) + 1) % kTopColumns));
      break;
    case 'r':
      if (state.view == TopView::list) sort_by(state, state.sort);
      break;
    default: break;
  }
  return {};
}

void select(TopState& state, std::size_t index) {
  if (state.view == TopView::container) {
    state.line = index;
    return;
  }
  const auto list = visible(state);
  if (index >= list.size()) return;   // it ended since it was drawn
  state.place = index;
  state.selected = list[index]->row.id;
}

TopWish click(TopState& state, const Key& key, ScreenSize size, const std::vector<Spot>& spots) {
  const auto found = std::find_if(spots.rbegin(), spots.rend(), [&](const Spot& spot) {
    return spot.row == key.row && key.column >= spot.at && key.column < spot.at + spot.width;
  });
  if (found == spots.rend()) return {};
  switch (found->what) {
    case Spot::What::column: sort_by(state, static_cast<TopColumn>(found->index)); return {};
    case Spot::What::key: {
      const char character = static_cast<char>(found->index);
      return press(state, character == '\r' ? Key{Key::Kind::enter} : Key{Key::Kind::character, character}, size);
    }
    case Spot::What::item: break;
  }
  select(state, found->index);
  if (key.kind != Key::Kind::double_click) return {};
  if (state.view == TopView::list) return look_into(state);
  ask_numbers(state);
  return {};
}

bool is_mouse(const Key& key) {
  using enum Key::Kind;
  return key.kind == click || key.kind == double_click || key.kind == wheel_up || key.kind == wheel_down;
}

TopWish press_mouse(TopState& state, const Key& key, ScreenSize size, const std::vector<Spot>& spots) {
  if (state.prompt == TopPrompt::numbers || state.prompt == TopPrompt::confirm) return {};   // no answer to what is asked
  state.prompt = TopPrompt::none;
  state.message.clear();
  const bool wheel = key.kind == Key::Kind::wheel_up || key.kind == Key::Kind::wheel_down;
  if (state.view == TopView::help) {
    if (!wheel) state.view = state.below_help;
    return {};
  }
  if (!wheel) return click(state, key, size, spots);
  for (int i = 0; i < kWheelLines; ++i) move(state, {key.kind == Key::Kind::wheel_up ? Key::Kind::up : Key::Kind::down}, size);
  return {};
}

}  // namespace

std::vector<const ResourceInfo*> counted_resources() {
  std::vector<const ResourceInfo*> counted;
  for (const ResourceInfo& info : accounting::kResources) counted.push_back(&info);
  return counted;
}

std::vector<const TopEntry*> visible(const TopState& state) {
  std::vector<const TopEntry*> list;
  for (const TopEntry& entry : state.entries)
    if (passes(entry, state.filter)) list.push_back(&entry);
  std::ranges::sort(list, [&](const TopEntry* a, const TopEntry* b) { return comes_before(*a, *b, state.sort); });
  if (state.reversed) std::ranges::reverse(list);
  return list;
}

const accounting::UsageRow* selected_usage(const TopState& state) {
  const std::size_t resources = counted_resources().size();
  return state.line < resources || state.line - resources >= state.usage.size() ? nullptr : &state.usage[state.line - resources];
}

const TopEntry* selected_entry(const TopState& state) {
  const auto found = std::ranges::find(state.entries, state.selected, [](const TopEntry& entry) { return entry.row.id; });
  return found == state.entries.end() ? nullptr : &*found;
}

void take_reading(TopState& state, TopReading reading) {
  std::map<std::uint32_t, TopEntry> earlier;
  for (TopEntry& entry : state.entries) earlier.emplace(entry.row.id, std::move(entry));
  state.entries.clear();
  for (TopRow& row : reading.rows) {
    TopEntry entry{.row = std::move(row)};
    find_nearest(entry);
    if (const auto known = earlier.find(entry.row.id); known != earlier.end())
      compare(entry, known->second, reading.seconds - state.seconds);
    state.entries.push_back(std::move(entry));
  }
  state.usage_before = std::exchange(state.usage, std::move(reading.usage));
  state.usage_seconds = state.usage_before.empty() ? 0 : reading.seconds - state.seconds;
  state.line = std::min(state.line, counted_resources().size() + state.usage.size() - 1);
  state.seconds = reading.seconds;
  state.clock = std::move(reading.clock);
  state.refusals = std::move(reading.refusals);
  state.trouble = reading.failures.empty() ? "" : os::printable(reading.failures.front());
  const bool busy_with_one = state.view != TopView::list || state.prompt == TopPrompt::numbers || state.prompt == TopPrompt::confirm;
  if (busy_with_one && selected_entry(state) == nullptr) {
    if (state.view != TopView::help) state.view = TopView::list;
    state.below_help = TopView::list;
    state.prompt = TopPrompt::none;
    if (state.selected != 0) say(state, fmt::format("container {} does not run any more", state.selected), true);
  }
  if (!busy_with_one || selected_entry(state) == nullptr) follow_selection(state);
}

TopWish press(TopState& state, const Key& key, ScreenSize size, const std::vector<Spot>& spots) {
  if (key.kind == Key::Kind::none || key.kind == Key::Kind::resize) return {};
  if (is_mouse(key)) return press_mouse(state, key, size, spots);
  state.message.clear();
  if (state.prompt == TopPrompt::filter) return press_filter(state, key);
  if (state.prompt == TopPrompt::numbers) return press_numbers(state, key);
  if (state.prompt == TopPrompt::confirm) return press_confirm(state, key);
  if (state.view == TopView::help) {
    state.view = state.below_help;
    return {};
  }
  if (key.kind == Key::Kind::escape) return go_back(state, key);
  if (key.kind == Key::Kind::enter) return look_into(state);
  if (key.kind == Key::Kind::character) return press_command(state, key);
  move(state, key, size);
  return {};
}

void take_preview(TopState& state, const Result<std::vector<container::LimitChange>>& preview) {
  if (!preview) return say(state, preview.error().message, true);
  state.preview = *preview;
  state.prompt = TopPrompt::confirm;
}

void take_applied(TopState& state, const Result<>& applied, const std::vector<std::string>& notes) {
  if (!applied) return say(state, applied.error().message, true);
  const TopEntry* entry = selected_entry(state);
  std::string text = "set";
  for (const ResourceInfo& info : accounting::kResources)
    if (const auto& limits = state.limits[info.resource])
      text = entry != nullptr && !entry->row.adopted ? fmt::format("set until its next start; for good: ubctl set {} --{} {} --save",
                                                                   state.selected, info.name, accounting::format_limits(*limits))
                                                     : fmt::format("set: {} {}", info.name, accounting::format_limits(*limits));
  for (const std::string& note : notes) text += "; " + note;
  say(state, std::move(text), !notes.empty());
}

}  // namespace ubc::cli

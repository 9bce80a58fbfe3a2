// SPDX-License-Identifier: Apache-2.0
#include "accounting/actions.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <optional>

#include "accounting/resource.h"
#include "os/text_file.h"

namespace ubc::accounting {
namespace {

constexpr unsigned kRearmPercent = 5;

Error bad_item(std::string_view item, std::string_view why) {
  return {Code::bad_value, 0, fmt::format("action \"{}\": {}", os::printable(item), why)};
}

std::optional<int> parse_signal(std::string_view text) {
  if (text.starts_with("SIG")) text.remove_prefix(3);
  for (int signal = 1; signal < SIGRTMIN; ++signal)
    if (const char* name = ::sigabbrev_np(signal); name != nullptr && text == name) return signal;
  const auto number = os::parse_number(text);
  return number && *number >= 1 && *number <= static_cast<unsigned>(SIGRTMAX) ? std::optional{static_cast<int>(*number)} : std::nullopt;
}

Result<unsigned> parse_when(std::string_view item, std::string_view when) {
  if (when == "refusal") return 0U;
  if (when == "barrier") return 100U;
  const auto percent = when.ends_with('%') ? os::parse_number(when.substr(0, when.size() - 1)) : Result<std::uint64_t>{0U};
  if (!percent || *percent == 0 || *percent > 100)
    return std::unexpected(bad_item(item, fmt::format("\"{}\" is not a time: say refusal, barrier, or a mark of 1% to 100%", when)));
  return static_cast<unsigned>(*percent);
}

bool is_url(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }

Result<> parse_what(std::string_view item, std::string_view what, Action& action) {
  const std::size_t equals = what.find('=');
  const std::string_view word = what.substr(0, equals), argument = equals == what.npos ? "" : what.substr(equals + 1);
  action.argument = argument;
  if (what == "log" || what == "freeze") {
    action.kind = what == "log" ? ActionKind::log : ActionKind::freeze;
    return {};
  }
  if (word == "exec" && argument.starts_with('/')) return action.kind = ActionKind::exec, Result<>{};
  if (word == "post" && is_url(argument)) return action.kind = ActionKind::post, Result<>{};
  if (word == "signal") {
    const auto signal = parse_signal(argument);
    if (!signal) return std::unexpected(bad_item(item, fmt::format("there is no signal \"{}\": say TERM, KILL, or a number", argument)));
    if (action.percent != 0) return std::unexpected(bad_item(item, "a mark has no offender to signal: say refusal"));
    action.kind = ActionKind::signal;
    action.signal = *signal;
    action.argument.clear();
    return {};
  }
  return std::unexpected(bad_item(item, "does what? say log, freeze, signal=NAME, exec=/PROGRAM or post=URL"));
}

Result<Action> parse_action(std::string_view item) {
  const std::size_t first = item.find(':'), second = first == item.npos ? item.npos : item.find(':', first + 1);
  if (second == item.npos) return std::unexpected(bad_item(item, "say RESOURCE:WHEN:WHAT, as in numproc:refusal:log"));
  const auto info = parse_resource(item.substr(0, first));
  if (!info) return std::unexpected(bad_item(item, info.error().message));
  Action action;
  action.resource = (*info)->resource;
  action.percent = UBC_TRY(parse_when(item, item.substr(first + 1, second - first - 1)));
  UBC_TRY(parse_what(item, item.substr(second + 1), action));
  return action;
}

/// What the percents are of; nullopt: nothing to come near to.
std::optional<std::uint64_t> whole_of(const Beancounter& counter) {
  const bool by_barrier = counter.barrier != 0 && counter.barrier < UBC_UNLIMITED;
  const std::uint64_t whole = by_barrier ? counter.barrier : counter.limit;
  return whole >= UBC_UNLIMITED || whole == 0 ? std::nullopt : std::optional{whole};
}

/// held * 100 against whole * percent, without overflow.
bool at_least(std::uint64_t held, std::uint64_t whole, unsigned percent) {
  return static_cast<long double>(held) * 100 >= static_cast<long double>(whole) * percent;
}

}  // namespace

Result<std::vector<Action>> parse_actions(std::string_view text) {
  std::vector<Action> actions;
  for (const std::string_view word : os::words_in(text)) actions.push_back(UBC_TRY(parse_action(word)));
  return actions;
}

bool reaches_mark(const Action& action, const Beancounter& counter) {
  const auto whole = whole_of(counter);
  return whole && at_least(counter.held, *whole, action.percent);
}

std::vector<Action> ActionTriggers::on_refusal(std::uint32_t id, const std::vector<Action>& actions, ubc_resource resource,
                                               Clock::time_point now) {
  const auto [last, first_ever] = refused_.try_emplace(Mark{id, resource, 0}, now);
  const bool fresh = first_ever || now - last->second >= kQuiet;
  last->second = now;
  std::vector<Action> due;
  if (fresh)
    std::ranges::copy_if(actions, std::back_inserter(due),
                         [&](const Action& action) { return action.resource == resource && action.percent == 0; });
  return due;
}

std::vector<Action> ActionTriggers::on_reading(std::uint32_t id, const std::vector<Action>& actions, const Snapshot& counters) {
  std::vector<Action> due;
  std::map<Mark, bool> now;   // two actions at one mark both fall due
  for (const Action& action : actions) {
    if (action.percent == 0) continue;
    const Mark mark{id, action.resource, action.percent};
    const bool was = crossed_[mark], reached = reaches_mark(action, counters.of(action.resource));
    Action rearm = action;
    rearm.percent = action.percent - std::min(action.percent, kRearmPercent);
    now[mark] = reached || (was && reaches_mark(rearm, counters.of(action.resource)));
    if (reached && !was) due.push_back(action);
  }
  for (const auto& [mark, crossed] : now) crossed_[mark] = crossed;
  return due;
}

void ActionTriggers::forget(std::uint32_t id) {
  std::erase_if(refused_, [id](const auto& entry) { return entry.first.id == id; });
  std::erase_if(crossed_, [id](const auto& entry) { return entry.first.id == id; });
}

}  // namespace ubc::accounting

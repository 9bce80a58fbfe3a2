// SPDX-License-Identifier: Apache-2.0
#include "isolate/fixups.h"

#include <signal.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "isolate/tree_file.h"
#include "os/assignments.h"
#include "os/directory.h"
#include "os/text_file.h"

namespace ubc::isolate {
namespace {

constexpr std::string_view kEnd = ".conf";

std::vector<std::string> list_in(std::string_view text) {
  const auto words = os::words_in(text);
  return {words.begin(), words.end()};
}

/// Absolute and without "..", so that it reads as what it does.
Result<std::vector<std::string>> paths_in(std::string_view text) {
  std::vector<std::string> paths = list_in(text);
  for (const std::string& path : paths)
    if (!path.starts_with('/') || path.ends_with('/') || (path + "/").contains("/../"))
      return os::error(Code::bad_value, "\"{}\" is no absolute path of a file", path);
  return paths;
}

Result<std::vector<Fixup::Lines>> lines_in(std::string_view text) {
  std::vector<Fixup::Lines> all;
  for (const std::string& word : list_in(text)) {
    const std::size_t colon = word.find(':');
    if (colon == word.npos || colon + 1 == word.size()) return os::error(Code::bad_value, "\"{}\" is no path:text", word);
    const std::vector<std::string> path = UBC_TRY(paths_in(word.substr(0, colon)));
    if (path.size() != 1) return os::error(Code::bad_value, "\"{}\" is no path:text", word);
    all.push_back({path.front(), word.substr(colon + 1)});
  }
  return all;
}

Result<std::vector<std::string>> units_in(std::string_view text) {
  std::vector<std::string> units = list_in(text);
  for (const std::string& unit : units)
    if (unit.empty() || unit.contains('/') || unit.starts_with('.')) return os::error(Code::bad_value, "\"{}\" is no unit", unit);
  return units;
}

Result<std::vector<Fixup::Lines>> conditions_in(std::string_view text) {
  std::vector<Fixup::Lines> all;
  for (const std::string& word : list_in(text)) {
    const std::size_t colon = word.find(':');
    if (colon == word.npos || !word.substr(colon + 1).starts_with("Condition") || !word.contains('='))
      return os::error(Code::bad_value, "\"{}\" is no unit:Condition...=...", word);
    const std::vector<std::string> unit = UBC_TRY(units_in(word.substr(0, colon)));
    if (unit.size() != 1) return os::error(Code::bad_value, "\"{}\" names no unit", word);
    all.push_back({unit.front(), word.substr(colon + 1)});
  }
  return all;
}

Result<> take(Fixup& fixup, const os::Assignment& line) {
  if (line.key == "IDS") return fixup.ids = list_in(line.value), Result<>{};
  if (line.key == "INIT") return fixup.init = line.value, Result<>{};
  if (line.key == "HAS") return fixup.has = UBC_TRY(paths_in(line.value)), Result<>{};
  if (line.key == "EMPTY_FILES") return fixup.empty_files = UBC_TRY(paths_in(line.value)), Result<>{};
  if (line.key == "REMOVE_FILES") return fixup.remove_files = UBC_TRY(paths_in(line.value)), Result<>{};
  if (line.key == "COMMENT_LINES") return fixup.comment_lines = UBC_TRY(lines_in(line.value)), Result<>{};
  if (line.key == "MASK_UNITS") return fixup.mask_units = UBC_TRY(units_in(line.value)), Result<>{};
  if (line.key == "UNIT_CONDITIONS") return fixup.unit_conditions = UBC_TRY(conditions_in(line.value)), Result<>{};
  if (line.key != "STOP") return os::error(Code::bad_value, "there is no such key");
  if (!line.value.starts_with('/') && signal_from(line.value) == 0)
    return os::error(Code::bad_value, "\"{}\" is neither a signal, as in SIGPWR or SIGRTMIN+3, nor an absolute command", line.value);
  return fixup.stop = line.value, Result<>{};
}

Result<> comment_out(const os::DirFd& root, const Fixup::Lines& lines) {
  const std::string before = text_in_tree(root, lines.path);
  std::string after;
  for (std::string_view rest = before; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    if (line.contains(lines.text) && !line.starts_with('#')) after += '#';
    after += line;
    rest.remove_prefix(line.size());
    if (!rest.empty()) after += '\n', rest.remove_prefix(1);
  }
  return after == before ? Result<>{} : rewrite_in_tree(root, lines.path, after);
}

bool applies(const Fixup& fixup, const os::DirFd& root, const std::vector<std::string>& ids) {
  return (fixup.ids.empty() || std::ranges::find_first_of(fixup.ids, ids) != fixup.ids.end()) &&
         std::ranges::all_of(fixup.has, [&](const std::string& path) { return is_in_tree(root, path); });
}

/// What the tree says it is, and is like.
std::vector<std::string> ids_of(const os::DirFd& root) {
  std::string text = text_in_tree(root, "etc/os-release");
  if (text.empty()) text = text_in_tree(root, "usr/lib/os-release");
  const os::Assignments says{text};
  std::vector<std::string> ids = list_in(says.get("ID"));
  for (std::string& like : list_in(says.get("ID_LIKE"))) ids.push_back(std::move(like));
  return ids;
}

}  // namespace

int signal_from(std::string_view text) {
  constexpr std::string_view kFirst = "SIGRTMIN+";
  if (text.starts_with(kFirst)) {
    const auto more = os::parse_number(text.substr(kFirst.size()));
    return more && *more <= static_cast<unsigned>(SIGRTMAX - SIGRTMIN) ? SIGRTMIN + static_cast<int>(*more) : 0;
  }
  if (!text.starts_with("SIG")) return 0;
  for (int signal = 1; signal < SIGRTMIN; ++signal)
    if (const char* name = ::sigabbrev_np(signal); name != nullptr && text.substr(3) == name) return signal;
  return 0;
}

Result<Fixup> parse_fixup(std::string_view name, std::string_view text) {
  Fixup fixup;
  fixup.name = name;
  for (std::string_view rest = os::next_word(text, "\n"); !rest.empty(); rest = os::next_word(text, "\n")) {
    const std::string_view line = os::trimmed(rest);
    if (line.empty() || line.front() == '#') continue;
    const auto assignment = os::parse_assignment(line);
    if (!assignment) return os::error(Code::bad_value, "fix-up {}: \"{}\" is no KEY=\"value\"", name, line);
    UBC_TRY(os::with_context(take(fixup, *assignment), fmt::format("fix-up {}, {}", name, assignment->key)));
  }
  return fixup;
}

Result<std::vector<Fixup>> fixups_for(const std::string& rootfs, const std::string& directory) {
  std::map<std::string, std::string> texts;
  for (const BuiltinFixup& built_in : builtin_fixups()) texts.emplace(built_in.name, built_in.text);
  for (const std::string& file : UBC_TRY(os::names_in(directory)))
    if (file.ends_with(kEnd)) texts[file.substr(0, file.size() - kEnd.size())] = UBC_TRY(os::read_text(directory + "/" + file));
  const os::DirFd root = UBC_TRY(os::DirFd::open(rootfs));
  const std::vector<std::string> ids = ids_of(root);
  std::vector<Fixup> found;
  for (const auto& [name, text] : texts)
    if (Fixup fixup = UBC_TRY(parse_fixup(name, text)); applies(fixup, root, ids)) found.push_back(std::move(fixup));
  return found;
}

Result<FixupOutcome> apply_fixups(const std::string& rootfs, const std::vector<Fixup>& fixups) {
  const os::DirFd root = UBC_TRY(os::DirFd::open(rootfs));
  FixupOutcome outcome;
  for (const Fixup& fixup : fixups) {
    for (const std::string& path : fixup.empty_files) UBC_TRY(rewrite_in_tree(root, path, ""));
    for (const std::string& path : fixup.remove_files) UBC_TRY(remove_in_tree(root, path));
    for (const Fixup::Lines& lines : fixup.comment_lines) UBC_TRY(comment_out(root, lines));
    for (const std::string& unit : fixup.mask_units) UBC_TRY(link_in_tree(root, "etc/systemd/system/" + unit, "/dev/null"));
    for (const Fixup::Lines& condition : fixup.unit_conditions)
      UBC_TRY(add_to_tree(root, "etc/systemd/system/" + condition.path + ".d", "ubc.conf", "[Unit]\n" + condition.text + "\n"));
    outcome.names += (outcome.names.empty() ? "" : " ") + fixup.name;
    if (!fixup.init.empty()) outcome.init = fixup.init;
    if (!fixup.stop.empty()) outcome.stop = fixup.stop;
  }
  return outcome;
}

}  // namespace ubc::isolate

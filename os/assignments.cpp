// SPDX-License-Identifier: Apache-2.0
#include "os/assignments.h"

#include <algorithm>
#include <cctype>

#include "os/text_file.h"

namespace ubc::os {
namespace {

bool is_key(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, [](unsigned char c) { return std::isupper(c) || std::isdigit(c) || c == '_'; }) &&
         !std::isdigit(static_cast<unsigned char>(key.front()));
}

std::string without_backslashes(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    result += text[i];
  }
  return result;
}

}  // namespace

std::optional<Assignment> parse_assignment(std::string_view line) {
  const std::string_view bare = trimmed(line);
  const std::size_t equals = bare.find('=');
  if (bare.empty() || bare.front() == '#' || equals == bare.npos || !is_key(bare.substr(0, equals))) return std::nullopt;
  std::string_view value = bare.substr(equals + 1);
  if (const std::size_t first = value.find('"'), last = value.rfind('"'); first == 0 && last > 0) value = value.substr(1, last - 1);
  return Assignment{std::string{bare.substr(0, equals)}, without_backslashes(value)};
}

Assignments::Assignments(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (auto line = parse_assignment(text.substr(0, end))) lines_.push_back(*std::move(line));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

const std::string* Assignments::find(std::string_view key) const {
  const auto first = std::ranges::find(lines_, key, &Assignment::key);
  return first == lines_.end() ? nullptr : &first->value;
}

std::string Assignments::get(std::string_view key) const {
  const std::string* value = find(key);
  return value == nullptr ? std::string{} : *value;
}

std::optional<std::string> assigned_in(std::string_view text, std::string_view key) {
  const Assignments lines{text};
  const std::string* value = lines.find(key);
  return value == nullptr ? std::nullopt : std::optional{*value};
}

std::string format_assignment(std::string_view key, std::string_view value) {
  std::string line{key};
  line += "=\"";
  for (const char c : value) {
    if (c == '"' || c == '\\' || c == '$' || c == '`') line += '\\';
    if (c != '\n') line += c;
  }
  return line + '"';
}

}  // namespace ubc::os

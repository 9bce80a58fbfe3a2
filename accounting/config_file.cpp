// SPDX-License-Identifier: Apache-2.0
#include "accounting/config_file.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "os/assignments.h"
#include "os/text_file.h"

namespace ubc::accounting {

std::string key_of(std::string_view name) {
  std::string key{name};
  std::ranges::transform(key, key.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return key;
}

ConfigFile::Line ConfigFile::parse_line(std::string_view text) {
  auto assignment = os::parse_assignment(text).value_or(os::Assignment{});
  const ResourceInfo* resource = assignment.key.empty() ? nullptr : find_resource(assignment.key);
  return {std::string{text}, std::move(assignment.key), std::move(assignment.value), resource};
}

ConfigFile ConfigFile::parse(std::string_view text) {
  ConfigFile file;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    file.lines_.push_back(parse_line(text.substr(0, end)));
    const Line& line = file.lines_.back();
    const std::string_view bare = os::trimmed(line.text);
    if (line.key.empty() && !bare.empty() && bare.front() != '#')
      file.complaints_.push_back(
          fmt::format("line {}: \"{}\" is not KEY=\"value\"; it is ignored", file.lines_.size(), bare.substr(0, 60)));
    if (end == text.npos) break;
    text.remove_prefix(end + 1);
  }
  return file;
}

Result<ConfigFile> ConfigFile::load(const std::string& path) {
  auto text = os::read_text(path);
  if (!text && text.error().code == Code::not_found) return ConfigFile{};
  if (!text) return std::unexpected(text.error());
  return parse(*text);
}

const ConfigFile::Line* ConfigFile::find(std::string_view key) const {
  if (const ResourceInfo* resource = find_resource(key)) return find(*resource);
  const auto first = std::ranges::find(lines_, key, &Line::key);
  return key.empty() || first == lines_.end() ? nullptr : &*first;
}

const ConfigFile::Line* ConfigFile::find(const ResourceInfo& resource) const {
  const auto last = std::ranges::find(lines_.rbegin(), lines_.rend(), &resource, &Line::resource);
  return last == lines_.rend() ? nullptr : &*last;
}

std::optional<std::string> ConfigFile::get(std::string_view key) const {
  const Line* line = find(key);
  return line == nullptr ? std::nullopt : std::optional{line->value};
}

void ConfigFile::set(std::string_view key, std::string_view value) {
  Line fresh = parse_line(os::format_assignment(key, value));
  if (const Line* line = find(key); line != nullptr)
    lines_[static_cast<std::size_t>(line - lines_.data())] = std::move(fresh);
  else
    lines_.push_back(std::move(fresh));
}

void ConfigFile::erase(std::string_view key) {
  const ResourceInfo* resource = find_resource(key);
  std::erase_if(lines_,
                [&](const Line& line) { return !line.key.empty() && (resource != nullptr ? line.resource == resource : line.key == key); });
}

std::vector<std::string> ConfigFile::keys() const {
  std::vector<std::string> keys;
  for (const Line& line : lines_)
    if (!line.key.empty() && std::ranges::find(keys, line.key) == keys.end()) keys.push_back(line.key);
  return keys;
}

Result<std::optional<Limits>> ConfigFile::limits(const ResourceInfo& resource) const {
  const Line* line = find(resource);
  if (line == nullptr) return std::nullopt;
  auto parsed = parse_limits(resource, line->value);
  if (!parsed) return os::error(Code::bad_value, "line {}, {}: {}", line - lines_.data() + 1, line->key, parsed.error().message);
  return *parsed;
}

std::string ConfigFile::text() const {
  std::string text;
  for (const Line& line : lines_) text += line.text + "\n";
  return text;
}

Result<> ConfigFile::save(const std::string& path) const { return os::replace_text(path, text()); }

}  // namespace ubc::accounting

// SPDX-License-Identifier: Apache-2.0
#include "os/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>

namespace ubc::os {
namespace {

Result<std::string> read_all(const Fd& fd, const std::string& name) {
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return sys_error(errno, "read", name);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

Result<> write_once(const Fd& fd, std::string_view text, const std::string& name) {
  const ssize_t put = ::write(fd.get(), text.data(), text.size());
  if (put < 0) return sys_error(errno, fmt::format("write \"{}\" to", trimmed(text)), name);
  if (static_cast<std::size_t>(put) != text.size()) return error(Code::system, "write {}: only {} of {} bytes", name, put, text.size());
  return {};
}

}  // namespace

Result<std::string> read_text(const std::string& path) { return read_all(UBC_TRY(open_file(path, O_RDONLY)), path); }

Result<std::string> read_text_at(const DirFd& dir, const std::string& path) {
  return read_all(UBC_TRY(open_file_at(dir, path, O_RDONLY)), dir.path_of(path));
}

Result<> write_knob(const std::string& path, std::string_view text) { return write_once(UBC_TRY(open_file(path, O_WRONLY)), text, path); }

Result<> write_knob_at(const DirFd& dir, const std::string& path, std::string_view text) {
  return write_once(UBC_TRY(open_file_at(dir, path, O_WRONLY)), text, dir.path_of(path));
}

Result<> replace_text(const std::string& path, std::string_view text, mode_t mode) {
  const std::string temporary = path + ".tmp";
  {
    const Fd fd = UBC_TRY(open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
    if (auto put = write_once(fd, text, temporary); !put || ::fsync(fd.get()) != 0) {
      const int saved = errno;
      (void)::unlink(temporary.c_str());
      if (!put) return put;
      return sys_error(saved, "fsync", temporary);
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return sys_error(errno, "rename onto", path);
  const std::size_t slash = path.rfind('/');
  const DirFd dir = UBC_TRY(DirFd::open(slash == std::string::npos ? "." : path.substr(0, slash + 1)));
  if (::fsync(dir.get()) != 0) return sys_error(errno, "fsync", dir.name());
  return {};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

Result<std::uint64_t> parse_number(std::string_view text) {
  const std::string_view digits = trimmed(text);
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || failure != std::errc{} || end != digits.data() + digits.size())
    return error(Code::bad_value, "\"{}\" is not a number", digits);
  return value;
}

std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f)
      result += fmt::format("\\x{:02x}", byte);
    else
      result += c;
  }
  return result;
}

Result<std::optional<std::uint64_t>> parse_number_or_max(std::string_view text) {
  if (trimmed(text) == "max") return std::nullopt;
  return std::optional{UBC_TRY(parse_number(text))};
}

Result<std::map<std::string, std::uint64_t, std::less<>>> parse_key_values(std::string_view text) {
  std::map<std::string, std::uint64_t, std::less<>> values;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos) return error(Code::corrupt, "\"{}\" is not \"key number\"", line);
    const auto value = parse_number(line.substr(blank + 1));
    if (!value) return error(Code::corrupt, "\"{}\" is not \"key number\"", line);
    values.emplace(line.substr(0, blank), *value);
  }
  return values;
}

std::string_view next_word(std::string_view& rest, std::string_view delimiters) {
  rest.remove_prefix(std::min(rest.find_first_not_of(delimiters), rest.size()));
  const std::string_view word = rest.substr(0, rest.find_first_of(delimiters));
  rest.remove_prefix(word.size());
  return word;
}

std::vector<std::string_view> words_in(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::string_view word = next_word(text); !word.empty(); word = next_word(text)) words.push_back(word);
  return words;
}

}  // namespace ubc::os

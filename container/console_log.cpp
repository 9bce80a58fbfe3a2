// SPDX-License-Identifier: Apache-2.0
#include "container/console_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "os/text_file.h"

namespace ubc::container {
namespace {

constexpr char kEscape = '\x1b';

std::string older_of(const std::string& path) { return path + ".1"; }

/// How long the sequence at the front of `text` is, which begins with ESC: "[...x", "]...BEL" or "]...ESC\", "(B", or two bytes.
std::size_t length_of_sequence(std::string_view text) {
  if (text.size() < 2) return text.size();
  if (text[1] == '[') {
    const std::size_t end = text.find_first_not_of("0123456789;:<=>?!\"#$%&'()*+,-./ ", 2);
    return end == text.npos ? text.size() : end + 1;
  }
  if (std::string_view{"]PX^_"}.contains(text[1])) {
    const std::size_t end = text.find_first_of("\x07\n\x1b", 2);
    if (end == text.npos) return text.size();
    return text[end] == kEscape && end + 1 < text.size() && text[end + 1] == '\\' ? end + 2 : text[end] == '\x07' ? end + 1 : end;
  }
  return std::string_view{"()*+#% "}.contains(text[1]) ? std::min<std::size_t>(3, text.size()) : 2;
}

/// Of the character at the front of `text`; 0 where that is none, or is spelt longer than need be. C1 controls, which some terminals obey,
/// are none.
std::size_t length_of_utf8(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const std::size_t length = byte(0) >= 0xf0 && byte(0) < 0xf5 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) >= 0xf5 || text.size() < length) return 0;
  for (std::size_t at = 1; at < length; ++at)
    if ((byte(at) & 0xc0) != 0x80) return 0;
  const bool control = byte(0) == 0xc2 && byte(1) < 0xa0,
             longer = (byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xf0 && byte(1) < 0x90);
  return control || longer ? 0 : length;
}

}  // namespace

Result<> ConsoleLog::open() {
  if (file_.valid()) return {};
  file_ = UBC_TRY(os::open_file(path_, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600));
  struct stat seen{};
  size_ = ::fstat(file_.get(), &seen) == 0 ? static_cast<std::uint64_t>(seen.st_size) : 0;
  return {};
}

bool ConsoleLog::write(std::string_view bytes) {
  if (!open()) return false;
  if (size_ + bytes.size() > kConsoleLogBytes / 2) {
    if (::rename(path_.c_str(), older_of(path_).c_str()) != 0 && errno != ENOENT) return false;
    file_ = os::Fd{};
    if (!open()) return false;
  }
  const ssize_t put = ::write(file_.get(), bytes.data(), bytes.size());
  if (put > 0) size_ += static_cast<std::uint64_t>(put);
  return put == static_cast<ssize_t>(bytes.size());
}

void ConsoleLog::append(std::string_view bytes) {
  if (lost_ != 0 && write(fmt::format("\n[{} bytes were not kept: the log could not be written]\n", lost_))) lost_ = 0;
  if (lost_ != 0 || !write(bytes)) lost_ += bytes.size();
}

Result<std::string> read_console_log(const std::string& path) {
  std::string all;
  for (const std::string& part : {older_of(path), path}) {
    const auto text = os::read_text(part);
    if (!text && text.error().code != Code::not_found) return std::unexpected(text.error());
    all += text.value_or("");
  }
  return all;
}

void remove_console_log(const std::string& path) {
  (void)::unlink(path.c_str());
  (void)::unlink(older_of(path).c_str());
}

std::string console_text(std::string_view raw) {
  std::string text;
  while (!raw.empty()) {
    const auto first = static_cast<unsigned char>(raw.front());
    std::size_t length = 1;
    bool shown = (first >= ' ' && first < 0x7f) || first == '\n' || first == '\t';
    if (raw.front() == kEscape) length = length_of_sequence(raw);
    if (first >= 0x80) {
      const std::size_t character = length_of_utf8(raw);
      shown = character != 0;
      length = std::max<std::size_t>(character, 1);
    }
    if (shown) text += raw.substr(0, length);
    raw.remove_prefix(length);
  }
  return text;
}

std::string_view last_lines(std::string_view text, int lines) {
  std::size_t from = text.size();
  for (int line = 0; line < lines && from > 0; ++line) {
    const std::size_t before = from >= 2 ? text.rfind('\n', from - 2) : text.npos;
    from = before == text.npos ? 0 : before + 1;
  }
  return text.substr(from);
}

}  // namespace ubc::container

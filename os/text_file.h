// SPDX-License-Identifier: Apache-2.0
// Small text files as the kernel and we write them: whole reads, atomic replacement, and the forms "max", "key value" and one number.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::os {

[[nodiscard]] Result<std::string> read_text(const std::string& path);
[[nodiscard]] Result<std::string> read_text_at(const DirFd& dir, const std::string& path);
/// One write(2) to an existing file (a kernel knob). The file is not created.
[[nodiscard]] Result<> write_knob(const std::string& path, std::string_view text);
[[nodiscard]] Result<> write_knob_at(const DirFd& dir, const std::string& path, std::string_view text);
/// Writes `path`.tmp, fsyncs, renames over `path`, fsyncs the directory: a reader sees the old text or the new.
[[nodiscard]] Result<> replace_text(const std::string& path, std::string_view text, mode_t mode = 0644);

/// Decimal, nothing around it but white space. Fails with Code::bad_value.
[[nodiscard]] Result<std::uint64_t> parse_number(std::string_view text);
/// "max" is nullopt.
[[nodiscard]] Result<std::optional<std::uint64_t>> parse_number_or_max(std::string_view text);
/// Lines "key number"; a line of another form fails with Code::corrupt.
[[nodiscard]] Result<std::map<std::string, std::uint64_t, std::less<>>> parse_key_values(std::string_view text);
/// Control characters and all that is not ASCII as \\xNN: text from elsewhere (a program's name) that may reach a terminal.
[[nodiscard]] std::string printable(std::string_view text);
/// Without leading and trailing white space.
[[nodiscard]] std::string_view trimmed(std::string_view text);

/// What is before the next of `delimiters`, a part of the same text; a run of them is one. `rest` goes on behind it. Empty: there is no
/// more.
std::string_view next_word(std::string_view& rest, std::string_view delimiters = " \t");
/// All of them, separated by blanks: parts of `text`, which must outlive them.
[[nodiscard]] std::vector<std::string_view> words_in(std::string_view text);

}  // namespace ubc::os

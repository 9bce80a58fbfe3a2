// SPDX-License-Identifier: Apache-2.0
#include "accounting/host_memory.h"

#include <optional>

#include "os/text_file.h"

namespace ubc::accounting {
namespace {

/// "MemTotal:       2097152 kB" in bytes.
std::optional<std::uint64_t> bytes_of(std::string_view text, std::string_view key) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(key) || !line.ends_with(" kB")) continue;
    line.remove_prefix(key.size());
    line.remove_suffix(3);
    if (const auto number = os::parse_number(line)) return *number * 1024;
  }
  return std::nullopt;
}

}  // namespace

Result<HostMemory> parse_meminfo(std::string_view text) {
  const auto ram = bytes_of(text, "MemTotal:");
  if (!ram) return os::error(Code::corrupt, "/proc/meminfo does not say MemTotal in kB");
  return HostMemory{*ram, bytes_of(text, "SwapTotal:").value_or(0), bytes_of(text, "LowTotal:").value_or(*ram)};
}

Result<HostMemory> read_host_memory(const std::string& path) {
  const std::string text = UBC_TRY(os::read_text(path));
  return parse_meminfo(text);
}

}  // namespace ubc::accounting

// SPDX-License-Identifier: Apache-2.0
#include "container/bind_mounts.h"

#include <algorithm>

#include "os/text_file.h"

namespace ubc::container {
namespace {

Error wrong(std::string_view text, std::string_view why) {
  return {Code::bad_value, 0,
          fmt::format("Bad parameter for --bindmount_add: {}: {}; say /source:/target[,ro][,noexec]", os::printable(text), why)};
}

/// Without a "/" at its end.
bool is_plain_path(std::string_view path) {
  if (path.size() < 2 || path.front() != '/' || path.find_first_of(" \t\n\"':,") != path.npos) return false;
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::string_view name = os::next_word(rest, "/");
    if (name == "." || name == "..") return false;
  }
  return path.back() != '/' && !path.contains("//");
}

bool is_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace

Result<isolate::BindMount> parse_bind_mount(std::string_view text) {
  std::string_view flags = text;
  const std::string_view paths = flags.substr(0, flags.find(','));
  flags.remove_prefix(paths.size());
  const std::size_t colon = paths.find(':');
  if (colon == paths.npos) return std::unexpected(wrong(text, "there is no ':' between the host's directory and the guest's"));
  isolate::BindMount mount{std::string{paths.substr(0, colon)}, std::string{paths.substr(colon + 1)}, false, false};
  if (!is_plain_path(mount.source) || !is_plain_path(mount.target))
    return std::unexpected(wrong(text, "both are absolute paths without '..', blanks, commas and a '/' at the end"));
  for (const std::string_view taken : {"/proc", "/sys", "/dev"})
    if (is_below(mount.target, taken)) return std::unexpected(wrong(text, "what is below /proc, /sys and /dev is the guest's own"));
  while (!flags.empty()) {
    const std::string_view flag = os::next_word(flags, ",");
    if (flag == "ro")
      mount.read_only = true;
    else if (flag == "noexec")
      mount.no_exec = true;
    else if (!flag.empty() && flag != "nosuid" && flag != "nodev")   // which each of them is
      return std::unexpected(wrong(text, fmt::format("there is no flag {}", os::printable(flag))));
  }
  return mount;
}

Result<BindMounts> parse_bind_mounts(std::string_view text) {
  BindMounts mounts;
  for (const std::string_view word : os::words_in(text)) mounts.push_back(UBC_TRY(parse_bind_mount(word)));
  return mounts;
}

std::string text_of(const BindMounts& mounts) {
  std::string text;
  for (const isolate::BindMount& mount : mounts)
    text += fmt::format("{}{}:{}{}{}", text.empty() ? "" : " ", mount.source, mount.target, mount.read_only ? ",ro" : "",
                        mount.no_exec ? ",noexec" : "");
  return text;
}

BindMounts changed(BindMounts now, const BindChange& change) {
  if (change.drop_all) now.clear();
  const auto drop = [&](const std::string& target) {
    std::erase_if(now, [&](const isolate::BindMount& mount) { return mount.target == target; });
  };
  std::ranges::for_each(change.drop, drop);
  for (const isolate::BindMount& mount : change.add) {
    drop(mount.target);
    now.push_back(mount);
  }
  return now;
}

}  // namespace ubc::container

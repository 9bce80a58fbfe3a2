// SPDX-License-Identifier: Apache-2.0
#include "container/device_nodes.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "os/text_file.h"

namespace ubc::container {
namespace {

bool is_device_name(std::string_view name) {
  std::string_view rest = name;
  while (!rest.empty())
    if (const std::string_view part = os::next_word(rest, "/"); part.empty() || part == "." || part == "..") return false;
  return !name.empty() && name.size() <= 64 && !name.contains("//") && name.front() != '/' && name.back() != '/' &&
         name.find_first_of(" \t\n\"':,\\") == name.npos;
}

}  // namespace

Result<DeviceWish> parse_device_wish(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  std::string mode = colon == text.npos ? "" : std::string{text.substr(colon + 1)};
  std::erase(mode, 'q');
  std::string_view name = text.substr(0, colon);
  if (name.starts_with("/dev/")) name.remove_prefix(5);
  const bool known = mode == "r" || mode == "w" || mode == "rw" || mode == "none";
  if (!is_device_name(name) || !known)
    return os::error(Code::bad_value,
                     "Bad parameter for --devnodes: {}: say a device's name below /dev and r, w, rw or none, as in net/tun:rw",
                     os::printable(text));
  return DeviceWish{std::string{name}, mode};
}

Result<std::string> change_device_nodes(std::string_view devnodes, const std::vector<DeviceWish>& wishes) {
  std::vector<DeviceWish> all;
  const auto apply = [&](const DeviceWish& wish) {
    std::erase_if(all, [&](const DeviceWish& other) { return other.name == wish.name; });
    if (wish.mode != "none") all.push_back(wish);
  };
  for (const std::string_view word : os::words_in(devnodes)) apply(UBC_TRY(parse_device_wish(word)));
  std::ranges::for_each(wishes, apply);
  std::string text;
  for (const DeviceWish& wish : all) text += fmt::format("{}{}:{}", text.empty() ? "" : " ", wish.name, wish.mode);
  return text;
}

Result<std::vector<isolate::DeviceNode>> devices_in(std::string_view devnodes) {
  std::vector<isolate::DeviceNode> devices;
  for (const std::string_view word : os::words_in(devnodes)) {
    const DeviceWish wish = UBC_TRY(parse_device_wish(word));
    const std::string path = "/dev/" + wish.name;
    struct stat seen{};
    if (::stat(path.c_str(), &seen) != 0) return os::sys_error(errno, "give the guest the host's device", path);
    if (!S_ISCHR(seen.st_mode) && !S_ISBLK(seen.st_mode)) return os::error(Code::bad_value, "give the guest {}: it is no device", path);
    const mode_t bits = (wish.mode.contains('r') ? 0444U : 0U) | (wish.mode.contains('w') ? 0222U : 0U);
    devices.push_back({wish.name, (seen.st_mode & S_IFMT) | bits, seen.st_rdev});
  }
  return devices;
}

}  // namespace ubc::container

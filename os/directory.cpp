// SPDX-License-Identifier: Apache-2.0
#include "os/directory.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string_view>

namespace ubc::os {

namespace {

using Listing = std::unique_ptr<DIR, int (*)(DIR*)>;

std::vector<std::string> sorted_names(const Listing& listing, Entries entries) {
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || (entries == Entries::directories && entry->d_type != DT_DIR)) continue;
    names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

Result<std::vector<std::string>> names_in(const std::string& directory, Entries entries) {
  const Listing listing{::opendir(directory.c_str()), &::closedir};
  if (!listing && errno == ENOENT) return std::vector<std::string>{};
  if (!listing) return sys_error(errno, "list", directory);
  return sorted_names(listing, entries);
}

Result<std::vector<std::string>> names_in(const DirFd& directory) {
  const int again = ::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);   // with a position of its own
  const Listing listing{again < 0 ? nullptr : ::fdopendir(again), &::closedir};
  if (!listing) return sys_error(errno, "list", directory.name());
  return sorted_names(listing, Entries::all);
}

void remove_tree(const std::string& path) {
  std::error_code ignored;
  (void)std::filesystem::remove_all(path, ignored);
}

}  // namespace ubc::os

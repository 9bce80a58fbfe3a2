// SPDX-License-Identifier: Apache-2.0
// Archives for tests: good ones, and such as nobody would pack.
#pragma once

#include <archive_entry.h>
#include <sys/stat.h>

#include <cstdint>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

namespace ubc::test {

/// What a test does not say is a plain file of root.
struct Member {
  std::string path;
  mode_t type = S_IFREG;
  std::string link{};       // target of a symbolic link
  std::string hardlink{};   // target of a hard link
  std::string text = "text\n";
  mode_t mode = 0644;
  la_int64_t uid = 0, gid = 0;
  std::string attribute{};   // name of an extended attribute
  std::string attribute_value = "y";
  time_t mtime = 1'000'000'000;
};

inline Member directory(std::string path) { return {.path = std::move(path), .type = S_IFDIR, .mode = 0755}; }
inline Member symlink_to(std::string target, std::string path) {
  return {.path = std::move(path), .type = S_IFLNK, .link = std::move(target)};
}
inline Member hardlink_to(std::string target, std::string path) { return {.path = std::move(path), .hardlink = std::move(target)}; }

/// user::rw-, group::r--, group:GID:r-x, mask::r-x, other::r--, as setxattr(2) takes it.
std::string access_list(std::uint32_t gid);

/// What a root file system must have.
std::vector<Member> good_members();

/// A tar, compressed as the end of its name says.
void write_archive(const std::string& path, const std::vector<Member>& members);

}  // namespace ubc::test

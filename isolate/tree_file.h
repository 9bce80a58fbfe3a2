// SPDX-License-Identifier: Apache-2.0
// Files of a tree that nobody vouches for: symbolic links resolve as if the tree were "/", and nothing blocks on a FIFO. What is made
// belongs to whoever the tree's root belongs to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

/// Of a path without a leading slash: a guest gets what is in that directory from its host, fresh at each start.
[[nodiscard]] constexpr bool is_filled_at_start(std::string_view path) {
  return path == "proc" || path == "sys" || path == "dev" || path == "run";
}
/// Fails with Code::corrupt where the tree can be no guest's root. `what` it is, for the error.
[[nodiscard]] Result<> check_root(const os::DirFd& root, std::string_view what);

/// openat2(2) below `root`. `path` may begin with a slash.
[[nodiscard]] Result<os::Fd> open_in_tree(const os::DirFd& root, const std::string& path, std::uint64_t flags);
/// There is something of that name, a dangling link included.
[[nodiscard]] bool is_in_tree(const os::DirFd& root, const std::string& path);
/// A regular file's text; empty for anything else, and for one of more than 64 KiB.
[[nodiscard]] std::string text_in_tree(const os::DirFd& root, const std::string& path);
/// Gives a regular file another text; one that is not there, or is a link or anything else, stays.
[[nodiscard]] Result<> rewrite_in_tree(const os::DirFd& root, const std::string& path, std::string_view text);
/// A file `name` with that text, in place of what has the name; its directory is made, unless it has none above it: then nothing.
[[nodiscard]] Result<> add_to_tree(const os::DirFd& root, const std::string& directory, const std::string& name, std::string_view text);
/// Removes a file or link, no directory; one that is not there is no error.
[[nodiscard]] Result<> remove_in_tree(const os::DirFd& root, const std::string& path);
/// A symbolic link at `path`, in the place of a file or link; without its directory, nothing.
[[nodiscard]] Result<> link_in_tree(const os::DirFd& root, const std::string& path, const std::string& target);

}  // namespace ubc::isolate

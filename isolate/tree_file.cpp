// SPDX-License-Identifier: Apache-2.0
#include "isolate/tree_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace ubc::isolate {
namespace {

constexpr off_t kMaxText = 65536;

std::pair<std::string, std::string> parent_and_name(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {path.substr(0, slash + 1), path.substr(slash + 1)};
}

Result<> give_to_owner(const os::DirFd& root, const os::Fd& directory, const std::string& name) {
  struct stat seen{};
  const bool given =
      ::fstat(root.get(), &seen) == 0 && ::fchownat(directory.get(), name.c_str(), seen.st_uid, seen.st_gid, AT_SYMLINK_NOFOLLOW) == 0;
  return given ? Result<>{} : Result<>{os::sys_error(errno, "give away", root.path_of(name))};
}

}  // namespace

Result<> check_root(const os::DirFd& root, std::string_view what) {
  for (const char* path : {"sbin/init", "bin/sh"}) {
    const auto file = open_in_tree(root, path, O_PATH);
    struct stat seen{};
    if (file && ::fstat(file->get(), &seen) == 0 && S_ISREG(seen.st_mode) && (seen.st_mode & 0111) != 0) return {};
  }
  return os::error(Code::corrupt, "{} is no root file system: it has neither an executable /sbin/init nor /bin/sh", what);
}

Result<os::Fd> open_in_tree(const os::DirFd& root, const std::string& path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const auto fd = ::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how);
  if (fd < 0) return os::sys_error(errno, "open", root.path_of(path));
  return os::Fd{static_cast<int>(fd)};
}

bool is_in_tree(const os::DirFd& root, const std::string& path) { return open_in_tree(root, path, O_PATH | O_NOFOLLOW).has_value(); }

std::string text_in_tree(const os::DirFd& root, const std::string& path) {
  const auto file = open_in_tree(root, path, O_RDONLY | O_NONBLOCK);
  struct stat seen{};
  if (!file || ::fstat(file->get(), &seen) != 0 || !S_ISREG(seen.st_mode) || seen.st_size > kMaxText) return {};
  std::string text(kMaxText, '\0');
  const ssize_t got = ::pread(file->get(), text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

Result<> rewrite_in_tree(const os::DirFd& root, const std::string& path, std::string_view text) {
  const auto file = open_in_tree(root, path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file) return {};   // what is no file has no text
  struct stat seen{};
  if (::fstat(file->get(), &seen) != 0 || !S_ISREG(seen.st_mode)) return {};
  const bool written =
      ::ftruncate(file->get(), 0) == 0 && ::write(file->get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  return written ? Result<>{} : Result<>{os::sys_error(errno, "rewrite", root.path_of(path))};
}

Result<> add_to_tree(const os::DirFd& root, const std::string& directory, const std::string& name, std::string_view text) {
  const auto [above, own] = parent_and_name(directory);
  const auto parent = open_in_tree(root, above, O_PATH | O_DIRECTORY);
  if (!parent) return {};
  const bool made = ::mkdirat(parent->get(), own.c_str(), 0755) == 0;
  if (!made && errno != EEXIST) return os::sys_error(errno, "make", root.path_of(directory));
  if (made) UBC_TRY(give_to_owner(root, *parent, own));
  const os::Fd into{::openat(parent->get(), own.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!into.valid()) return {};   // a link or a file in its place is the tree's own
  (void)::unlinkat(into.get(), name.c_str(), 0);
  const os::Fd file{::openat(into.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644)};
  const bool written = file.valid() && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  return written ? give_to_owner(root, into, name) : Result<>{os::sys_error(errno, "write", root.path_of(directory + "/" + name))};
}

Result<> remove_in_tree(const os::DirFd& root, const std::string& path) {
  const auto [parent, name] = parent_and_name(path);
  const auto directory = open_in_tree(root, parent, O_PATH | O_DIRECTORY);
  if (!directory || ::unlinkat(directory->get(), name.c_str(), 0) == 0 || errno == ENOENT || errno == EISDIR) return {};
  return os::sys_error(errno, "remove", root.path_of(path));
}

Result<> link_in_tree(const os::DirFd& root, const std::string& path, const std::string& target) {
  const auto [parent, name] = parent_and_name(path);
  const auto directory = open_in_tree(root, parent, O_PATH | O_DIRECTORY);
  if (!directory) return {};
  (void)::unlinkat(directory->get(), name.c_str(), 0);
  return ::symlinkat(target.c_str(), directory->get(), name.c_str()) == 0
             ? give_to_owner(root, *directory, name)
             : Result<>{os::sys_error(errno, "make a link", root.path_of(path))};
}

}  // namespace ubc::isolate

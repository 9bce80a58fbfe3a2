// SPDX-License-Identifier: Apache-2.0
#include "isolate/foreign_tree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "isolate/guest_attributes.h"
#include "isolate/tree_file.h"
#include "os/directory.h"
#include "os/sparse_copy.h"
#include "os/text_file.h"

namespace ubc::isolate {
namespace {

constexpr int kDeepest = 256;   // two descriptors each
constexpr mode_t kModeBits = 07777;

struct Place {
  const os::DirFd& directory;
  const std::string& name;
};

class Copier {
 public:
  Copier(const os::DirFd& links, uid_t base, dev_t device, const struct stat& target)
      : links_{links}, base_{base}, device_{device}, target_device_{target.st_dev}, target_{target.st_ino} {}

  Result<> copy_contents(const os::DirFd& from, const os::DirFd& to, const std::string& path, int depth) {
    if (depth > kDeepest) return os::error(Code::corrupt, "{:.60}... is more than {} directories deep", path, kDeepest);
    for (const std::string& name : UBC_TRY(os::names_in(from))) {
      const std::string inside = path + "/" + name;
      UBC_TRY(copy({from, name}, {to, name}, inside, depth));
    }
    struct stat seen{};
    if (::fstat(from.get(), &seen) != 0) return os::sys_error(errno, "look at", path);
    return finish(from.get(), to.get(), seen, path);
  }
  ForeignTree take_report() { return std::move(report_); }

 private:
  Result<> copy(const Place& from, const Place& to, const std::string& path, int depth) {
    struct stat seen{};
    if (::fstatat(from.directory.get(), from.name.c_str(), &seen, AT_SYMLINK_NOFOLLOW) != 0) return os::sys_error(errno, "look at", path);
    switch (seen.st_mode & S_IFMT) {
      case S_IFDIR: UBC_TRY(copy_directory(from, to, path, depth)); break;
      case S_IFREG: UBC_TRY(copy_file(from, to, seen, path)); break;
      case S_IFLNK: UBC_TRY(copy_link(from, to, seen, path)); break;
      case S_IFIFO:
      case S_IFSOCK: UBC_TRY(make_node(to, seen, path)); break;
      default: ++report_.devices_left_out; return {};
    }
    ++report_.members;
    return {};
  }

  static Result<> check_owner(const struct stat& seen, const std::string& path) {
    if (seen.st_uid <= kLastGuestId && seen.st_gid <= kLastGuestId) return {};
    return os::error(Code::corrupt, "{} belongs to {}:{}, and guests have the ids 0 to {}: give it to one of these first", path,
                     seen.st_uid, seen.st_gid, kLastGuestId);
  }

  Result<> copy_directory(const Place& from, const Place& to, const std::string& path, int depth) {
    const os::DirFd source = UBC_TRY(from.directory.open_dir(from.name));
    struct stat seen{};
    if (::fstat(source.get(), &seen) != 0) return os::sys_error(errno, "look at", path);
    if (seen.st_dev == target_device_ && seen.st_ino == target_)
      return os::error(Code::bad_value, "{} is where the copy would go: it can't be a part of what is copied", path);
    if (::mkdirat(to.directory.get(), to.name.c_str(), 0700) != 0) return os::sys_error(errno, "make directory", path);
    const os::DirFd target = UBC_TRY(to.directory.open_dir(to.name));
    const bool elsewhere = seen.st_dev != device_;
    if (elsewhere) report_.mounts.push_back(path);
    if (!elsewhere && !is_filled_at_start(path.substr(1))) return copy_contents(source, target, path, depth + 1);
    return finish(source.get(), target.get(), seen, path);
  }

  Result<> copy_link(const Place& from, const Place& to, const struct stat& seen, const std::string& path) {
    char text[PATH_MAX];
    const ssize_t length = ::readlinkat(from.directory.get(), from.name.c_str(), text, sizeof text);
    if (length < 0 || length == PATH_MAX) return os::sys_error(length < 0 ? errno : ENAMETOOLONG, "read link", path);
    if (::symlinkat(std::string{text, static_cast<std::size_t>(length)}.c_str(), to.directory.get(), to.name.c_str()) != 0)
      return os::sys_error(errno, "make link", path);
    return finish_at(to, seen, path);
  }

  Result<> make_node(const Place& to, const struct stat& seen, const std::string& path) {
    if (::mknodat(to.directory.get(), to.name.c_str(), (seen.st_mode & S_IFMT) | 0600, 0) != 0) return os::sys_error(errno, "make", path);
    UBC_TRY(finish_at(to, seen, path));
    return ::fchmodat(to.directory.get(), to.name.c_str(), seen.st_mode & kModeBits, 0) == 0
               ? Result<>{}
               : Result<>{os::sys_error(errno, "change mode of", path)};
  }

  /// The second and later names of a file are links to the first, which waits in links_ for them.
  Result<> copy_file(const Place& from, const Place& to, const struct stat& seen, const std::string& path) {
    const std::string first = seen.st_nlink > 1 ? fmt::format("{}-{}", seen.st_dev, seen.st_ino) : "";
    if (!first.empty() && ::linkat(links_.get(), first.c_str(), to.directory.get(), to.name.c_str(), 0) == 0) return {};
    if (!first.empty() && errno != ENOENT) return os::sys_error(errno, "make a link", path);
    const os::Fd source{
        ::openat(from.directory.get(), from.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_NOATIME | O_CLOEXEC)};
    struct stat open{};
    if (!source.valid() || ::fstat(source.get(), &open) != 0) return os::sys_error(errno, "open", path);
    if (!S_ISREG(open.st_mode) || open.st_ino != seen.st_ino)
      return os::error(Code::bad_state, "{} was replaced while it was read: convert it when nobody writes to it", path);
    const os::Fd target{::openat(to.directory.get(), to.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!target.valid()) return os::sys_error(errno, "make", path);
    UBC_TRY(copy_data(source.get(), target.get(), open.st_size, path));
    UBC_TRY(finish(source.get(), target.get(), open, path));
    if (!first.empty() && ::linkat(to.directory.get(), to.name.c_str(), links_.get(), first.c_str(), 0) != 0)
      return os::sys_error(errno, "keep a link of", path);
    return {};
  }

  /// Shared with the source where the file system can do that, else piece by piece, holes left out.
  Result<> copy_data(int source, int target, off_t size, const std::string& path) {
    if (size > 0 && ::ioctl(target, FICLONE, source) == 0) {
      report_.bytes += static_cast<std::uint64_t>(size);
      return {};
    }
    const os::SparseCopy copied = UBC_TRY(os::copy_sparse(source, target, size, path));
    if (copied.size < size)
      return os::error(Code::bad_state, "{} became shorter while it was read: convert it when nobody writes to it", path);
    report_.bytes += copied.bytes;
    return {};
  }

  /// Owner first: a change of owner takes bits of the mode, and capabilities, away.
  Result<> finish(int source, int target, const struct stat& seen, const std::string& path) {
    UBC_TRY(check_owner(seen, path));
    if (::fchown(target, base_ + seen.st_uid, base_ + seen.st_gid) != 0) return os::sys_error(errno, "give away", path);
    if (::fchmod(target, seen.st_mode & kModeBits) != 0) return os::sys_error(errno, "change mode of", path);
    UBC_TRY(os::with_context(copy_attributes(source, target), path));
    const timespec times[2] = {seen.st_atim, seen.st_mtim};
    return ::futimens(target, times) == 0 ? Result<>{} : Result<>{os::sys_error(errno, "set the time of", path)};
  }

  Result<> finish_at(const Place& to, const struct stat& seen, const std::string& path) const {
    UBC_TRY(check_owner(seen, path));
    const uid_t user = base_ + seen.st_uid;
    const gid_t group = base_ + seen.st_gid;
    if (::fchownat(to.directory.get(), to.name.c_str(), user, group, AT_SYMLINK_NOFOLLOW) != 0)
      return os::sys_error(errno, "give away", path);
    const timespec times[2] = {seen.st_atim, seen.st_mtim};
    return ::utimensat(to.directory.get(), to.name.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0
               ? Result<>{}
               : Result<>{os::sys_error(errno, "set the time of", path)};
  }

  Result<> copy_attributes(int source, int target) {
    const ssize_t length = ::flistxattr(source, names_.data(), names_.size());
    if (length < 0 && errno == ENOTSUP) return {};
    if (length < 0) return os::sys_error(errno, "list its attributes");
    std::string_view rest{names_.data(), static_cast<std::size_t>(length)};
    while (!rest.empty()) {
      const std::string name{rest.substr(0, rest.find('\0'))};
      rest.remove_prefix(std::min(name.size() + 1, rest.size()));
      UBC_TRY(copy_attribute(source, target, name));
    }
    return {};
  }

  Result<> copy_attribute(int source, int target, const std::string& name) {
    const ssize_t length = ::fgetxattr(source, name.c_str(), value_.data(), value_.size());
    if (length < 0) return os::sys_error(errno, "read its attribute", os::printable(name));
    const auto kept = UBC_TRY(attribute_for_guest(name, {value_.data(), static_cast<std::size_t>(length)}, base_));
    if (kept && ::fsetxattr(target, name.c_str(), kept->data(), kept->size(), 0) == 0) return {};
    if (kept && errno != ENOTSUP) return os::sys_error(errno, "set its attribute", os::printable(name));
    ++report_.attributes_left_out;
    return {};
  }

  const os::DirFd& links_;
  uid_t base_;
  dev_t device_, target_device_;
  ino_t target_;
  ForeignTree report_;
  std::vector<char> names_ = std::vector<char>(XATTR_LIST_MAX), value_ = std::vector<char>(XATTR_SIZE_MAX);
};

}  // namespace

Result<ForeignTree> copy_foreign_tree(const os::DirFd& source, const os::DirFd& target, const os::DirFd& links, uid_t base) {
  struct stat seen{}, place{};
  if (::fstat(source.get(), &seen) != 0) return os::sys_error(errno, "look at", source.name());
  if (::fstat(target.get(), &place) != 0) return os::sys_error(errno, "look at", target.name());
  Copier copier{links, base, seen.st_dev, place};
  UBC_TRY(os::with_context(copier.copy_contents(source, target, "", 0), fmt::format("copy {}", source.name())));
  for (const std::string& first : UBC_TRY(os::names_in(links)))
    if (::unlinkat(links.get(), first.c_str(), 0) != 0) return os::sys_error(errno, "remove", links.path_of(first));
  return copier.take_report();
}

}  // namespace ubc::isolate

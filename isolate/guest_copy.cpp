// SPDX-License-Identifier: Apache-2.0
#include "isolate/guest_copy.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "os/directory.h"
#include "os/sparse_copy.h"

namespace ubc::isolate {
namespace {

constexpr int kDeepest = 200;   // two descriptors each
constexpr mode_t kKeptMode = 0777;

/// A directory on one of the sides.
Result<os::DirFd> open_in(const CopySide& side, const std::string& path) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = side.guest ? RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS : 0;
  const std::string relative = side.guest ? path : "." + path;   // RESOLVE_IN_ROOT takes "/" for the root
  os::Fd fd{static_cast<int>(::syscall(SYS_openat2, side.root->get(), relative.c_str(), &how, sizeof how))};
  if (!fd.valid()) return os::sys_error(errno, side.guest ? "open in the guest" : "open", path);
  return os::DirFd{std::move(fd), path};
}

struct Named {
  os::DirFd directory;
  std::string name;
};

/// The directory that holds it, and its name there; "/" has none.
Result<Named> parent_of(const CopySide& side, std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::size_t slash = path.rfind('/');
  const std::string name = path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return os::error(Code::bad_value, "copy {}: say a path that ends with a name", path);
  return Named{UBC_TRY(open_in(side, slash == 0 ? "/" : path.substr(0, slash))), name};
}

class Copier {
 public:
  explicit Copier(uid_t owner) : owner_{owner} {}

  Result<> copy(const os::DirFd& from, const std::string& name, const os::DirFd& to, const std::string& as, const std::string& path,
                int depth) {
    struct stat seen{};
    if (::fstatat(from.get(), name.c_str(), &seen, AT_SYMLINK_NOFOLLOW) != 0) return os::sys_error(errno, "copy", path);
    if (S_ISDIR(seen.st_mode)) return copy_directory(from, name, to, as, path, depth);
    if (S_ISLNK(seen.st_mode)) return copy_link(from, name, to, as, path);
    if (S_ISREG(seen.st_mode)) return copy_file(from, name, to, as, path);
    report_.left_out.push_back(path);
    return {};
  }
  CopyReport take_report() { return std::move(report_); }

 private:
  Result<> copy_directory(const os::DirFd& from, const std::string& name, const os::DirFd& to, const std::string& as,
                          const std::string& path, int depth) {
    if (depth > kDeepest) return os::error(Code::corrupt, "copy {}: it is nested deeper than {} directories", path, kDeepest);
    const os::DirFd source = UBC_TRY(from.open_dir(name));
    const bool fresh = ::mkdirat(to.get(), as.c_str(), 0700) == 0;
    if (!fresh && errno != EEXIST) return os::sys_error(errno, "make directory", to.path_of(as));
    const auto target = to.open_dir(as);
    if (!target) return os::error(Code::exists, "copy {}: {} is there, and is no directory", path, to.path_of(as));
    for (const std::string& entry : UBC_TRY(os::names_in(source)))
      UBC_TRY(copy(source, entry, *target, entry, path + "/" + entry, depth + 1));
    ++report_.directories;
    return fresh ? finish(source.get(), target->get(), to.path_of(as)) : Result<>{};
  }

  Result<> copy_link(const os::DirFd& from, const std::string& name, const os::DirFd& to, const std::string& as, const std::string& path) {
    char text[PATH_MAX];
    const ssize_t length = ::readlinkat(from.get(), name.c_str(), text, sizeof text);
    if (length < 0 || length == PATH_MAX) return os::sys_error(length < 0 ? errno : ENAMETOOLONG, "read link", path);
    const std::string draft = as + kDraft;
    (void)::unlinkat(to.get(), draft.c_str(), 0);
    if (::symlinkat(std::string{text, static_cast<std::size_t>(length)}.c_str(), to.get(), draft.c_str()) != 0)
      return os::sys_error(errno, "make link", to.path_of(as));
    if (::fchownat(to.get(), draft.c_str(), owner_, owner_, AT_SYMLINK_NOFOLLOW) != 0)
      return os::sys_error(errno, "give away", to.path_of(as));
    ++report_.links;
    return put_in_place(to, draft, as);
  }

  Result<> copy_file(const os::DirFd& from, const std::string& name, const os::DirFd& to, const std::string& as, const std::string& path) {
    const os::Fd source{::openat(from.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    struct stat seen{};
    if (!source.valid() || ::fstat(source.get(), &seen) != 0 || !S_ISREG(seen.st_mode))
      return os::sys_error(source.valid() ? EINVAL : errno, "open", path);
    const std::string draft = as + kDraft;
    (void)::unlinkat(to.get(), draft.c_str(), 0);
    const os::Fd target{::openat(to.get(), draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!target.valid()) return os::sys_error(errno, "make", to.path_of(as));
    const auto written = [&]() -> Result<> {
      (void)UBC_TRY(os::copy_sparse(source.get(), target.get(), seen.st_size, path));   // what is appended meanwhile has no end
      UBC_TRY(finish(source.get(), target.get(), to.path_of(as)));
      return put_in_place(to, draft, as);
    }();
    if (!written) (void)::unlinkat(to.get(), draft.c_str(), 0);
    report_.files += written ? 1U : 0U;
    return written;
  }

  /// Owner first: a change of owner takes bits of the mode away.
  Result<> finish(int source, int target, const std::string& name) const {
    struct stat seen{};
    if (::fstat(source, &seen) != 0 || ::fchown(target, owner_, owner_) != 0 || ::fchmod(target, seen.st_mode & kKeptMode) != 0)
      return os::sys_error(errno, "complete", name);
    const timespec times[2] = {{0, UTIME_OMIT}, seen.st_mtim};
    return ::futimens(target, times) == 0 ? Result<>{} : Result<>{os::sys_error(errno, "complete", name)};
  }

  static Result<> put_in_place(const os::DirFd& to, const std::string& draft, const std::string& as) {
    if (::renameat(to.get(), draft.c_str(), to.get(), as.c_str()) == 0) return {};
    const int saved = errno;
    (void)::unlinkat(to.get(), draft.c_str(), 0);
    return saved == EISDIR ? Result<>{os::error(Code::exists, "{} is there, and is a directory", to.path_of(as))}
                           : Result<>{os::sys_error(saved, "put in place", to.path_of(as))};
  }

  static constexpr const char* kDraft = ".ubc-copy";
  uid_t owner_;
  CopyReport report_;
};

}  // namespace

Result<CopyReport> copy_tree(const CopySide& from, const CopySide& to) {
  const Named source = UBC_TRY(parent_of(from, from.path));
  Copier copier{to.owner};
  if (const auto inside = open_in(to, to.path)) {
    UBC_TRY(copier.copy(source.directory, source.name, *inside, source.name, from.path, 0));
  } else if (to.path.ends_with('/')) {
    return std::unexpected(inside.error());
  } else {
    const Named target = UBC_TRY(parent_of(to, to.path));
    UBC_TRY(copier.copy(source.directory, source.name, target.directory, target.name, from.path, 0));
  }
  return copier.take_report();
}

}  // namespace ubc::isolate

// SPDX-License-Identifier: Apache-2.0
#include "isolate/guest_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "os/fd.h"
#include "os/scope_guard.h"

namespace ubc::isolate {
namespace {

Result<os::DirFd> open_etc() {
  const os::DirFd root = UBC_TRY(os::DirFd::open("/"));
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  os::Fd fd{static_cast<int>(::syscall(SYS_openat2, root.get(), "etc", &how, sizeof how))};
  if (fd.valid()) return os::DirFd{std::move(fd), "/etc"};
  if (errno == ELOOP || errno == ENOTDIR)
    return os::error(Code::corrupt, "/etc of the guest is no directory of its own: make it one again");
  return os::sys_error(errno, "open the guest's", "/etc");
}

/// A regular file of that text and no more.
bool says(const os::DirFd& etc, const std::string& name, const std::string& text) {
  const auto file = os::open_file_at(etc, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  struct stat seen{};
  if (!file || ::fstat(file->get(), &seen) != 0 || !S_ISREG(seen.st_mode) || seen.st_size != static_cast<off_t>(text.size())) return false;
  std::string now(text.size(), '\0');
  return ::pread(file->get(), now.data(), now.size(), 0) == static_cast<ssize_t>(now.size()) && now == text;
}

}  // namespace

Result<> replace_in_etc(const std::string& name, const std::string& text) {
  const os::DirFd etc = UBC_TRY(open_etc());
  if (says(etc, name, text)) return {};
  const std::string fresh = "." + name + ".ubc";
  (void)::unlinkat(etc.get(), fresh.c_str(), 0);   // of a start that was killed
  const os::Fd file = UBC_TRY(os::open_file_at(etc, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
  os::Rollback rollback;
  rollback.add([&] { (void)::unlinkat(etc.get(), fresh.c_str(), 0); });
  if (::fchmod(file.get(), 0644) != 0) return os::sys_error(errno, "write the guest's", "/etc/" + name);
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return os::sys_error(errno, "write the guest's", "/etc/" + name);
  if (::renameat(etc.get(), fresh.c_str(), etc.get(), name.c_str()) != 0)
    return os::sys_error(errno, "put in place the guest's", "/etc/" + name);
  rollback.commit();
  return {};
}

Result<> set_host_name(const std::string& name) {
  return ::sethostname(name.c_str(), name.size()) == 0 ? Result<>{} : Result<>{os::sys_error(errno, "set the guest's host name to", name)};
}

Result<> name_guest(const std::string& name) {
  UBC_TRY(set_host_name(name));
  const auto written = replace_in_etc("hostname", name + "\n");
  const bool has_none = !written && (written.error().code == Code::not_found || written.error().code == Code::corrupt);
  return has_none ? Result<>{} : written;
}

}  // namespace ubc::isolate

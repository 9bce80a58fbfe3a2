// SPDX-License-Identifier: Apache-2.0
#include "os/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace ubc::os {

Fd::~Fd() {
  if (fd_ >= 0) (void)::close(fd_);
}

Result<DirFd> DirFd::open(const std::string& path) { return DirFd{UBC_TRY(open_file(path, O_RDONLY | O_DIRECTORY)), path}; }

Result<DirFd> DirFd::open_dir(const std::string& path) const {
  return DirFd{UBC_TRY(open_file_at(*this, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)), path_of(path)};
}

std::string DirFd::path_of(std::string_view path) const { return fmt::format("{}/{}", name_, path); }

Result<Fd> open_file(const std::string& path, int flags, mode_t mode) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return sys_error(errno, "open", path);
  return Fd{fd};
}

Result<Fd> open_file_at(const DirFd& dir, const std::string& path, int flags, mode_t mode) {
  const int fd = ::openat(dir.get(), path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return sys_error(errno, "open", dir.path_of(path));
  return Fd{fd};
}

Result<> make_directories(const std::string& path, mode_t mode) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) return sys_error(errno, "make directory", part);
    if (end == std::string::npos) return {};
  }
}

}  // namespace ubc::os

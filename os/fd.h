// SPDX-License-Identifier: Apache-2.0
// Every kernel handle has an owner: move-only, close-on-exec. A directory is held by its fd, not by its path.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>

#include "os/result.h"

namespace ubc::os {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_{fd} {}
  Fd(Fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  Fd& operator=(Fd other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// A directory, open with O_PATH or O_RDONLY; `name` is what errors call it.
class DirFd {
 public:
  DirFd() = default;
  DirFd(Fd fd, std::string name) : fd_{std::move(fd)}, name_{std::move(name)} {}

  /// Opens an absolute or working-directory relative path, O_DIRECTORY|O_RDONLY|O_CLOEXEC.
  [[nodiscard]] static Result<DirFd> open(const std::string& path);
  /// Opens a directory below this one; symlinks in the last component are refused (O_NOFOLLOW).
  [[nodiscard]] Result<DirFd> open_dir(const std::string& path) const;

  [[nodiscard]] int get() const noexcept { return fd_.get(); }
  [[nodiscard]] bool valid() const noexcept { return fd_.valid(); }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// "<name>/<path>", for errors.
  [[nodiscard]] std::string path_of(std::string_view path) const;

 private:
  Fd fd_;
  std::string name_;
};

/// open(2) with O_CLOEXEC added.
[[nodiscard]] Result<Fd> open_file(const std::string& path, int flags, mode_t mode = 0);
/// openat(2) with O_CLOEXEC added.
[[nodiscard]] Result<Fd> open_file_at(const DirFd& dir, const std::string& path, int flags, mode_t mode = 0);
/// mkdir -p; the mode goes to what is made.
[[nodiscard]] Result<> make_directories(const std::string& path, mode_t mode = 0755);

}  // namespace ubc::os

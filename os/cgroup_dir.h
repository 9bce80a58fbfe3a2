// SPDX-License-Identifier: Apache-2.0
// A cgroup v2 directory, held by its fd: it dies with its cgroup, so a new cgroup of the same name can't be mistaken for the old.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::os {

class CgroupDir {
 public:
  CgroupDir() = default;
  /// Opens an existing cgroup.
  [[nodiscard]] static Result<CgroupDir> open(const std::string& path);
  /// Makes it and opens it; one that is there already is opened.
  [[nodiscard]] static Result<CgroupDir> make(const std::string& path);

  [[nodiscard]] const std::string& path() const noexcept { return dir_.name(); }
  [[nodiscard]] int fd() const noexcept { return dir_.get(); }
  /// The kernel's cgroup id: the directory's inode.
  [[nodiscard]] Result<std::uint64_t> id() const;

  [[nodiscard]] Result<std::string> read(const std::string& file) const;
  [[nodiscard]] Result<> write(const std::string& file, std::string_view text) const;
  /// Enables each of `controllers` that this cgroup has for its children. One that it has not is left out.
  [[nodiscard]] Result<> enable_controllers(const std::vector<std::string_view>& controllers) const;
  /// True where its children have all of `controllers`. Enabling them again would walk over every cgroup below.
  [[nodiscard]] bool gives(const std::vector<std::string_view>& controllers) const;
  /// True while a process (or zombie) is in it or below.
  [[nodiscard]] Result<bool> populated() const;
  /// SIGKILL to all in it and below, however they fork. On 6.1 and 6.12 whatever is cloned into it later is killed too (kernel-facts): make
  /// it anew.
  [[nodiscard]] Result<> kill() const;
  /// Stops all in it and below where they are, and returns when they stand still. Fails with Code::busy where that takes longer than
  /// `patience` (a task that hangs in the kernel), and has thawed it again then.
  [[nodiscard]] Result<> freeze(std::chrono::milliseconds patience) const;
  [[nodiscard]] Result<> thaw() const { return write("cgroup.freeze", "0"); }
  /// Gives the directory and the files that the kernel lists in /sys/kernel/cgroup/delegate to `owner`, uid and gid.
  [[nodiscard]] Result<> delegate(uid_t owner) const;

 private:
  explicit CgroupDir(DirFd dir) : dir_{std::move(dir)} {}

  DirFd dir_;
};

/// The cgroup v2 path of a process below the mount, "/" for the root; self: "self". Fails with Code::not_found where it has ended.
[[nodiscard]] Result<std::string> cgroup_of_process(const std::string& pid, const std::string& proc = "/proc");

/// The processes in the cgroup and below. One below that is gone meanwhile, or threaded (its processes are listed above it), has none.
/// Fails with Code::not_found where the cgroup is not there.
[[nodiscard]] Result<std::set<pid_t>> processes_in(const std::string& path);

/// Removes a cgroup and all below it, leaves first; waits up to `patience` for the kernel to finish with their dead. One that is not there
/// is no error.
[[nodiscard]] Result<> remove_cgroup(const std::string& path, std::chrono::milliseconds patience);

}  // namespace ubc::os

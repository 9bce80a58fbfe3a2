// SPDX-License-Identifier: Apache-2.0
#include "isolate/build_area.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <utility>

#include "isolate/run_program.h"
#include "os/directory.h"

namespace ubc::isolate {
namespace {

constexpr std::string_view kScratchPrefix = ".build.";
constexpr std::string_view kLock = ".build.lock";
constexpr std::string_view kPartEnd = ".part.tar.gz";

/// Waits for another that makes or sweeps: a directory without its lock yet must not look like one that a dead process left.
Result<os::Fd> lock_builds(const std::string& directory) {
  const std::string path = fmt::format("{}/{}", directory, kLock);
  os::Fd lock = UBC_TRY(os::open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  while (::flock(lock.get(), LOCK_EX) != 0)
    if (errno != EINTR) return os::sys_error(errno, "lock", path);
  return lock;
}

std::string part_of(const std::string& scratch) {
  std::array<char, 4096> target;
  const ssize_t length = ::readlink((scratch + "/part").c_str(), target.data(), target.size());
  return {target.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

void remove_scratch(const std::string& scratch) {
  // Not across mounts: nothing of this host that might be mounted below may be removed.
  (void)run_program({"rm", "-rf", "--one-file-system", "--", scratch});
}

}  // namespace

BuildArea::BuildArea(os::Fd held, std::string scratch, std::string part)
    : held_{std::move(held)}, scratch_{std::move(scratch)}, part_{std::move(part)} {}

BuildArea::~BuildArea() {
  if (!held_.valid()) return;   // moved from
  (void)::unlink(part_.c_str());
  remove_scratch(scratch_);
}

Result<BuildArea> BuildArea::make(const std::string& directory, const std::string& output) {
  const os::Fd lock = UBC_TRY(lock_builds(directory));
  std::string scratch = fmt::format("{}/{}XXXXXX", directory, kScratchPrefix);
  if (::mkdtemp(scratch.data()) == nullptr) return os::sys_error(errno, "make directory", scratch);
  auto held = os::open_file(scratch, O_RDONLY | O_DIRECTORY);
  if (!held) return std::unexpected(held.error());
  BuildArea area{std::move(*held), scratch, fmt::format("{}.{}{}", std::filesystem::absolute(output).string(), ::getpid(), kPartEnd)};
  if (::flock(area.held_.get(), LOCK_EX | LOCK_NB) != 0) return os::sys_error(errno, "lock", scratch);
  if (::chmod(scratch.c_str(), 0755) != 0) return os::sys_error(errno, "change mode of", scratch);   // apt's own user works below it
  if (::symlink(area.part_.c_str(), (scratch + "/part").c_str()) != 0) return os::sys_error(errno, "make a link in", scratch);
  return area;
}

void sweep_builds(const std::string& directory) {
  const auto names = os::names_in(directory, os::Entries::directories);
  if (!names) return;
  os::Fd lock;
  for (const std::string& name : *names) {
    if (!name.starts_with(kScratchPrefix)) continue;
    if (!lock.valid()) lock = lock_builds(directory).value_or(os::Fd{});
    if (!lock.valid()) return;
    const std::string scratch = directory + "/" + name;
    const auto held = os::open_file(scratch, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!held || ::flock(held->get(), LOCK_EX | LOCK_NB) != 0) continue;   // somebody works in it
    if (const std::string part = part_of(scratch); part.ends_with(kPartEnd)) (void)::unlink(part.c_str());
    remove_scratch(scratch);
  }
}

}  // namespace ubc::isolate

// SPDX-License-Identifier: Apache-2.0
#include "isolate/layer_diff.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "os/directory.h"
#include "os/fd.h"
#include "os/text_file.h"

namespace ubc::isolate {
namespace {

constexpr int kDeepest = 200;   // two descriptors each

using Told = std::function<void(Change, const std::string&)>;

/// `lower` is not valid where the template has no such directory.
Result<> walk(const os::DirFd& lower, const os::DirFd& upper, const std::string& path, int depth, const Told& told) {
  if (depth > kDeepest)
    return os::error(Code::corrupt, "{} is nested deeper than {} directories: what is below is not looked at", os::printable(path),
                     kDeepest);
  for (const std::string& name : UBC_TRY(os::names_in(upper))) {
    struct stat now{}, before{};
    if (::fstatat(upper.get(), name.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0) continue;   // gone meanwhile
    const bool was = lower.valid() && ::fstatat(lower.get(), name.c_str(), &before, AT_SYMLINK_NOFOLLOW) == 0;
    const std::string here = path + "/" + name;
    const bool removed = S_ISCHR(now.st_mode) && now.st_rdev == 0;   // overlayfs' whiteout
    told(removed ? Change::removed : was ? Change::changed : Change::added, here);
    if (!S_ISDIR(now.st_mode)) continue;
    const auto below = upper.open_dir(name);
    if (!below) continue;   // it is no directory any more
    auto lower_below = was && S_ISDIR(before.st_mode) ? lower.open_dir(name) : Result<os::DirFd>{os::DirFd{}};
    UBC_TRY(walk(lower_below ? *std::move(lower_below) : os::DirFd{}, *below, here, depth + 1, told));
  }
  return {};
}

}  // namespace

Result<> layer_diff(const std::string& lower, const std::string& upper, const Told& told) {
  const os::DirFd template_root = UBC_TRY(os::DirFd::open(lower)), own = UBC_TRY(os::DirFd::open(upper));
  return walk(template_root, own, "", 0, told);
}

}  // namespace ubc::isolate

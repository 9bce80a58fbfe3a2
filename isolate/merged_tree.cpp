// SPDX-License-Identifier: Apache-2.0
#include "isolate/merged_tree.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "isolate/mount.h"
#include "os/process.h"

namespace ubc::isolate {
namespace {

/// Where the layers are attached, in that mount namespace only, so that no path of the host has to be spelled for overlayfs. Two
/// directories that every host has, and where no template or program of ours lies.
constexpr const char* kLowerStage = "/proc";
constexpr const char* kAreaStage = "/sys";

/// Both layers as lower ones: an overlay without an upper layer writes nothing, not even what it would note for itself.
Result<> mount_merged(const std::string& lower, const std::string& area) {
  if (::unshare(CLONE_NEWNS) != 0) return os::sys_error(errno, "make a mount namespace");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return os::sys_error(errno, "make the mount namespace private");
  const os::Fd template_layer = UBC_TRY(clone_mount(lower)), area_layer = UBC_TRY(clone_mount(area));
  UBC_TRY(stage_mount(template_layer, kLowerStage, lower));
  UBC_TRY(stage_mount(area_layer, kAreaStage, area));
  const os::Fd merged = UBC_TRY(new_mount("overlay",
                                          {{"lowerdir", fmt::format("{}/upper:{}", kAreaStage, kLowerStage)},
                                           {"metacopy", "off"},
                                           {"index", "off"},
                                           {"xino", "off"},
                                           {"redirect_dir", "off"}},
                                          MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  return stage_mount(merged, kLowerStage, "the merged tree");   // over the layer, which the overlay holds
}

}  // namespace

Result<> with_merged_tree(const std::string& lower, const std::string& area, const std::function<Result<>(const std::string& path)>& body) {
  Result<> done = os::error(Code::system, "the reader of the tree was killed");
  const pid_t parent = ::getpid();
  const pid_t reader = os::run_as_child([&] {
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) return 1;   // it died before the line above
    done = mount_merged(lower, area);
    if (done) done = body(kLowerStage);
    return 0;
  });
  if (reader < 0) return os::sys_error(errno, "fork the reader of the tree");
  (void)UBC_TRY(os::wait_for_child(reader));
  return done;
}

}  // namespace ubc::isolate

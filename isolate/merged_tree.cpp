// SPDX-License-Identifier: Apache-2.0
#include "isolate/merged_tree.h"

#include <sys/mount.h>

#include "isolate/mount.h"
#include "isolate/own_mounts.h"

namespace ubc::isolate {
namespace {

/// Both layers as lower ones: an overlay without an upper layer writes nothing, not even what it would note for itself.
Result<> mount_merged(const std::string& lower, const std::string& area) {
  const os::Fd template_layer = UBC_TRY(clone_mount(lower)), area_layer = UBC_TRY(clone_mount(area));
  UBC_TRY(stage_mount(template_layer, kLowerStage, lower));
  UBC_TRY(stage_mount(area_layer, kAreaStage, area));
  const os::Fd merged = UBC_TRY(new_read_only_overlay(MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  return stage_mount(merged, kLowerStage, "the merged tree");   // over the layer, which the overlay holds
}

}  // namespace

Result<> with_merged_tree(const std::string& lower, const std::string& area, const std::function<Result<>(const std::string& path)>& body) {
  return in_own_mounts([&]() -> Result<> {
    UBC_TRY(mount_merged(lower, area));
    return body(kLowerStage);
  });
}

}  // namespace ubc::isolate

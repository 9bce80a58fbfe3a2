// SPDX-License-Identifier: Apache-2.0
#include "container/share_tuning.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "accounting/shares.h"
#include "container/adopted_record.h"
#include "os/cgroup_dir.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

using accounting::ShareKnob;

/// "8:0": the whole disk that the path lies on, which io.max is about; empty where it is on none of its own (btrfs, overlay, tmpfs).
std::string disk_of(const std::string& path) {
  struct stat seen{};
  if (::stat(path.c_str(), &seen) != 0 || major(seen.st_dev) == 0) return {};
  const std::string device = fmt::format("{}:{}", major(seen.st_dev), minor(seen.st_dev)), sys = "/sys/dev/block/" + device;
  if (::access((sys + "/partition").c_str(), F_OK) != 0) return device;
  const auto whole = os::read_text(sys + "/../dev");
  return whole ? std::string{os::trimmed(*whole)} : device;
}

/// What the cgroup above may use: the kernel takes no empty list for a cgroup that has tasks.
Result<std::string> all_above(const os::CgroupDir& cgroup, const std::string& file) {
  return os::read_text(fmt::format("{}/../{}.effective", cgroup.path(), file));
}

Result<> apply(const os::CgroupDir& cgroup, const ShareKnob& knob, std::vector<std::string>& notes) {
  if (knob.file == "io.max" && knob.text.starts_with('?')) {
    notes.push_back(fmt::format("{} is not in force: the private area's file system lies on no single disk", knob.share));
    return {};
  }
  const auto wrote = cgroup.write(knob.file, knob.text == accounting::kAll ? UBC_TRY(all_above(cgroup, knob.file)) : knob.text);
  if (wrote) return {};
  if (wrote.error().code == Code::not_found || wrote.error().sys_errno == EOPNOTSUPP) {
    notes.push_back(fmt::format("{} is not in force: this kernel has no {} here (no such controller, or no IO scheduler with weights)",
                                knob.share, knob.file));
    return {};
  }
  if (knob.file.starts_with("cpuset"))
    return os::error(Code::bad_value, "Bad parameter for --{}: {}: this host has no such ones ({})", knob.share, os::trimmed(knob.text),
                     wrote.error().message);
  return wrote;
}

}  // namespace

Result<> apply_shares(const Host& host, std::uint32_t id, const accounting::ConfigFile& config, std::vector<std::string>& notes) {
  const auto knobs = UBC_TRY(accounting::share_knobs(config, disk_of(host.paths.area_of(id))));
  if (knobs.empty()) return {};
  const os::CgroupDir cgroup = UBC_TRY(os::CgroupDir::open(cgroup_path_of(host, id)));
  for (const ShareKnob& knob : knobs) UBC_TRY(apply(cgroup, knob, notes));
  return {};
}

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
#include "container/suspension.h"

#include "container/adopted_record.h"
#include "container/container.h"
#include "os/cgroup_dir.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

constexpr std::chrono::milliseconds kPatience{10'000};

Result<os::CgroupDir> cgroup_of_running(const Host& host, std::uint32_t id) {
  if (!status_of(host, id).running) return os::error(Code::bad_state, "Container {} is not running", id);
  return os::CgroupDir::open(cgroup_path_of(host, id));
}

}  // namespace

bool is_suspended(const Host& host, std::uint32_t id) {
  const auto cgroup = os::CgroupDir::open(cgroup_path_of(host, id));
  const auto text = cgroup ? cgroup->read("cgroup.freeze") : std::unexpected(cgroup.error());
  return text && os::trimmed(*text) == "1";
}

Result<> suspend(const Host& host, std::uint32_t id) {
  const os::CgroupDir cgroup = UBC_TRY(cgroup_of_running(host, id));
  if (is_suspended(host, id)) return os::error(Code::bad_state, "Container {} is suspended already: ubctl resume {} lets it go on", id, id);
  return os::with_context(cgroup.freeze(kPatience), fmt::format("suspend container {}", id));
}

Result<> resume(const Host& host, std::uint32_t id) {
  const os::CgroupDir cgroup = UBC_TRY(cgroup_of_running(host, id));
  if (!is_suspended(host, id)) return os::error(Code::bad_state, "Container {} is not suspended", id);
  return os::with_context(cgroup.thaw(), fmt::format("resume container {}", id));
}

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
#include "container/suspension.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "container/adopted_record.h"
#include "container/container.h"
#include "os/cgroup_dir.h"
#include "os/process.h"
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
  return cgroup && is_suspended(*cgroup);
}

bool is_suspended(const os::CgroupDir& cgroup) {
  const auto text = cgroup.read("cgroup.freeze");
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

Result<StandingStill> StandingStill::of(const Host& host, std::uint32_t id) {
  const os::CgroupDir cgroup = UBC_TRY(cgroup_of_running(host, id));
  os::Pipe pipe = UBC_TRY(os::Pipe::make());
  StandingStill still;
  still.waiter_ = ::fork();
  if (still.waiter_ < 0) return os::sys_error(errno, "fork");
  if (still.waiter_ == 0) {
    (void)::setsid();   // no key of a terminal ends it
    pipe.write_end = os::Fd{};
    char none;
    while (::read(pipe.read_end.get(), &none, 1) < 0 && errno == EINTR) {
    }
    ::_exit(cgroup.thaw() ? 0 : 1);
  }
  still.held_ = std::move(pipe.write_end);
  UBC_TRY(os::with_context(cgroup.freeze(kPatience), fmt::format("let container {} stand still", id)));
  return still;
}

StandingStill::~StandingStill() {
  held_ = os::Fd{};
  if (waiter_ > 0) (void)os::wait_for_child(waiter_);
}

}  // namespace ubc::container

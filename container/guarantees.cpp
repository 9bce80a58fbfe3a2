// SPDX-License-Identifier: Apache-2.0
#include "container/guarantees.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "accounting/cgroup_knobs.h"
#include "container/adopted_record.h"
#include "container/group_record.h"
#include "isolate/handshake.h"
#include "os/directory.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

/// What the containers right below are guaranteed, in bytes.
Result<std::uint64_t> sum_below(const std::string& cgroup) {
  std::uint64_t sum = 0;
  for (const std::string& child : UBC_TRY(os::names_in(cgroup, os::Entries::directories)))
    if (const auto text = os::read_text(cgroup + "/" + child + "/memory.low"))   // not there: it has just gone
      sum += UBC_TRY(os::parse_number_or_max(*text)).value_or(0);
  return sum;
}

/// 0 where it has no memory controller.
Result<std::uint64_t> low_of(const std::string& cgroup) {
  const auto text = os::read_text(cgroup + "/memory.low");
  if (!text) return text.error().code == Code::not_found ? Result<std::uint64_t>{0} : std::unexpected(text.error());
  return UBC_TRY(os::parse_number_or_max(*text)).value_or(0);
}

Result<> write_sum(const std::string& cgroup, std::uint64_t sum) {
  const auto now = os::read_text(cgroup + "/memory.low");
  if (!now || os::trimmed(*now) == std::to_string(sum)) return {};
  return os::write_knob(cgroup + "/memory.low", std::to_string(sum));
}

constexpr const char* kLock = "guarantees.lock";

/// Whoever changes a guarantee holds it until the sums above are right again; its file says so while they are not, also of one who was
/// killed: then the next adds all up, which otherwise nobody does for each start.
class Sums {
 public:
  static Result<Sums> take(const Host& host) {
    Sums sums{host, UBC_TRY(lock_file(host, kLock, LOCK_EX))};
    struct stat seen{};
    sums.torn_ = ::fstat(sums.lock_.get(), &seen) != 0 || seen.st_size != 0;
    return sums;
  }

  Result<> begin() {
    return ::pwrite(lock_.get(), "!", 1, 0) == 1 ? Result<>{}
                                                 : Result<>{os::sys_error(errno, "note a change of guarantees in", host_->paths.run)};
  }
  Result<> end() {
    return ::ftruncate(lock_.get(), 0) == 0 ? Result<>{}
                                            : Result<>{os::sys_error(errno, "note a change of guarantees in", host_->paths.run)};
  }

  /// All of them, container by container.
  Result<> anew() {
    for (const std::string& name : group_names(*host_)) UBC_TRY(of_group(name));
    return write_sum(ours(), UBC_TRY(sum_below(ours())));
  }

  /// What a container of ubc/ or of a group is guaranteed has changed. An adopted one is below somebody else's.
  Result<> follow(const std::string& cgroup, std::uint64_t before, std::uint64_t now) {
    const std::string parent = cgroup.substr(0, cgroup.rfind('/'));
    if (torn_) return anew();
    if (!cgroup.starts_with(ours() + "/")) return {};
    if (parent != ours()) {
      before = UBC_TRY(low_of(parent));
      UBC_TRY(of_group(parent.substr(parent.rfind('/') + 1)));
      now = UBC_TRY(low_of(parent));
    }
    const std::uint64_t sum = UBC_TRY(low_of(ours()));
    return sum < before || sum - before > UINT64_MAX - now ? anew() : write_sum(ours(), sum - before + now);
  }

 private:
  Sums(const Host& host, os::Fd lock) : host_{&host}, lock_{std::move(lock)} {}

  [[nodiscard]] std::string ours() const { return host_->paths.cgroups + "/ubc"; }

  Result<> of_group(const std::string& name) {
    const std::uint64_t most = read_group(*host_, name).guarantee_cap.value_or(UINT64_MAX);
    const std::string cgroup = host_->paths.group_cgroup_of(name);
    return write_sum(cgroup, std::min(most, UBC_TRY(sum_below(cgroup))));
  }

  const Host* host_;
  os::Fd lock_;
  bool torn_ = false;
};

}  // namespace

Result<> sum_guarantees(const Host& host) {
  Sums sums = UBC_TRY(Sums::take(host));
  UBC_TRY(sums.begin());
  UBC_TRY(sums.anew());
  return sums.end();
}

Result<> guarantee_memory(const Host& host, const std::string& cgroup, std::uint64_t bytes) {
  const std::uint64_t before = UBC_TRY(low_of(cgroup));
  struct stat lock{};
  const bool torn = ::stat(fmt::format("{}/{}", host.paths.run, kLock).c_str(), &lock) == 0 && lock.st_size != 0;
  if (before == bytes && !torn) return {};
  Sums sums = UBC_TRY(Sums::take(host));
  UBC_TRY(sums.begin());
  const os::CgroupDir guaranteed = UBC_TRY(os::CgroupDir::open(cgroup));
  UBC_TRY(accounting::write_memory_low(guaranteed, bytes));
  isolate::fault_point("guarantee:written");
  UBC_TRY(sums.follow(cgroup, before, bytes));
  return sums.end();
}

Result<> share_guarantee(const os::CgroupDir& below) {
  auto wrote = below.write("memory.low", "max");
  return !wrote && wrote.error().code == Code::not_found ? Result<>{} : wrote;  // no memory controller: nothing to share
}

}  // namespace ubc::container

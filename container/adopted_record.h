// SPDX-License-Identifier: Apache-2.0
// Containers that others started and we count: what is known of each, in <run>/adopted/<id>, gone after a boot as the kernel's side is.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "container/host.h"
#include "container/tuning.h"
#include "os/result.h"

namespace ubc::container {

/// Ids that adoption gives: kFirstAdoptedId + slot. One that is chosen by --id may be any that no container has.
inline constexpr std::uint32_t kFirstAdoptedId = 2'000'000'000;

struct AdoptedRecord {
  std::uint32_t id = 0;
  std::uint32_t slot = 0;         ///< 0: no hooks here, shown by a census of /proc
  std::string name;
  std::string cgroup;             ///< below the cgroup mount: "/system.slice/foo.service"
  std::uint64_t cgroup_id = 0;    ///< the directory's inode: a later cgroup of that name is another
  std::string source;             ///< how it was found: "--podman web"
  std::string group;              ///< that pays with it; empty: none
  bool finished = false;          ///< false: an adoption or a release is under way; if nobody holds the lock, it was interrupted
  bool was_frozen = false;        ///< by its owner: left so
  std::map<std::string, std::string> knobs;   ///< cgroup files that we changed, and what they held before
};

[[nodiscard]] std::optional<AdoptedRecord> read_adopted(const Host& host, std::uint32_t id);
/// Its cgroup; nullopt: it is gone, or is another one that has taken its path.
[[nodiscard]] Result<std::optional<os::CgroupDir>> cgroup_of_adopted(const Host& host, const AdoptedRecord& record);
[[nodiscard]] Result<> write_adopted(const Host& host, const AdoptedRecord& record);
/// Before the memory numbers are written: what they will overwrite goes into the record, so that release can put it back.
[[nodiscard]] Result<> keep_knobs(const Host& host, AdoptedRecord record, const AllLimits& limits);
void remove_adopted(const Host& host, const AdoptedRecord& record);

/// Ascending.
[[nodiscard]] std::vector<std::uint32_t> adopted_ids(const Host& host);
[[nodiscard]] std::optional<std::uint32_t> adopted_by_name(const Host& host, std::string_view name);

/// Where a container's cgroup is, ours (below its group's, if it runs in one) or adopted.
[[nodiscard]] std::string cgroup_path_of(const Host& host, std::uint32_t id);
/// Fails with Code::bad_state where the container is adopted: whoever started it does the rest.
[[nodiscard]] Result<> refuse_adopted(const Host& host, std::uint32_t id, std::string_view what);

}  // namespace ubc::container

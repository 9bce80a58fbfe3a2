// SPDX-License-Identifier: Apache-2.0
// Containers that others started: counted and limited from adoption on, without stopping them, and let go without a trace.
#pragma once

#include <string>
#include <vector>

#include "container/adopted_record.h"
#include "container/host.h"
#include "container/tuning.h"
#include "os/result.h"

namespace ubc::container {

/// What to adopt: a cgroup below the mount ("/system.slice/foo.service"), and how the person named it.
struct Target {
  std::string cgroup;
  std::string source;
};
/// By directory (below the cgroup mount, or a path from it), by process, by podman's name, by systemd unit. Fail with Code::not_found.
[[nodiscard]] Result<Target> target_of_cgroup(const Host& host, const std::string& path);
[[nodiscard]] Result<Target> target_of_pid(const Host& host, const std::string& pid);
[[nodiscard]] Result<Target> target_of_podman(const Host& host, const std::string& name);
[[nodiscard]] Result<Target> target_of_unit(const Host& host, const std::string& unit);

struct AdoptOptions {
  std::optional<std::uint32_t> id;   ///< nullopt: kFirstAdoptedId + slot
  AllLimits limits;
  std::string group;                 ///< that pays with it; empty: none
  bool force = false;                ///< even where this kernel can't count by hooks: then only a census is shown
};
/// Frozen, counted, limited, thawed: all of it or nothing. Returns its id. Fails with Code::exists (name, id or cgroup), Code::busy,
/// Code::bad_state (root cgroup, a container of ours, ids of our own range), Code::not_found (group), Code::unsupported.
[[nodiscard]] Result<std::uint32_t> adopt(const Host& host, const std::string& name, const Target& target, const AdoptOptions& options,
                                          std::vector<std::string>& notes);

/// Nothing of it is left: records, cgroup map, knobs, slot. The processes live on. Fails with Code::not_found.
[[nodiscard]] Result<> release(const Host& host, std::uint32_t id);

/// What an interrupted adoption or release left is undone (thawed above all), containers whose cgroup is gone are released, and cgroups
/// that the hooks missed are mapped. With `only`, and nothing interrupted, only that container is looked at: the others cost nothing. Does
/// nothing while another command adopts.
void mend_adopted(const Host& host, std::optional<std::uint32_t> only, std::vector<std::string>& notes);

}  // namespace ubc::container

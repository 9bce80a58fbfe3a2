// SPDX-License-Identifier: Apache-2.0
// A group: a beancounter and a cgroup above those of some containers, which caps their sum. Its numbers are set when its first member
// starts and gone when the last has ended, as a container's are.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/beancounter.h"
#include "accounting/config_file.h"
#include "container/group_record.h"
#include "container/host.h"
#include "container/tuning.h"
#include "os/result.h"

namespace ubc::container {

/// Fails with Code::exists (a group or a container has the name), Code::bad_value.
[[nodiscard]] Result<> create_group(const Host& host, const std::string& name, const accounting::ConfigFile& config);
/// Its configuration becomes <name>.conf.destroyed. Fails with Code::bad_state where it has members, naming them.
[[nodiscard]] Result<> destroy_group(const Host& host, const std::string& name);

/// The numbers to the running members' group, all or none. Fails with Code::bad_state where no member runs.
[[nodiscard]] Result<> tune_group(const Host& host, const std::string& name, const AllLimits& limits, std::vector<std::string>& notes);

/// A container is about to run in the group, and its record says so: the group is there with its numbers. Its slot; 0: no hooks, then only
/// what the memory controller caps is capped.
[[nodiscard]] Result<std::uint32_t> join_group(const Host& host, const std::string& name, std::uint32_t id, bool hooks,
                                               std::vector<std::string>& notes);
/// The container has lost its cgroup: `forget` removes its record, and where no other member runs the group's cgroup goes, too.
[[nodiscard]] Result<> leave_group(const Host& host, const std::string& name, std::uint32_t id, const std::function<void()>& forget);
/// The hooks are about to be taken off a host on which nothing runs: no group has a slot any more.
void forget_group_slots(const Host& host);

/// Counters as they are now; of a group without running members its configuration's limits and nothing held. Fails with Code::not_found.
[[nodiscard]] Result<accounting::Snapshot> group_snapshot(const Host& host, const std::string& name);

}  // namespace ubc::container

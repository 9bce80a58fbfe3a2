// SPDX-License-Identifier: Apache-2.0
// Groups on disk: a configuration each, their members by what containers' files say, and the slot that a group has while the host is up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "container/host.h"
#include "os/result.h"

namespace ubc::container {

/// A letter, then letters, digits, - and _, at most 32: it is a cgroup's name too, beside containers' numbers.
[[nodiscard]] Result<> check_group_name(std::string_view name);
/// A group is what has a configuration.
[[nodiscard]] bool group_exists(const Host& host, std::string_view name);
/// Fails with Code::bad_value or Code::not_found.
[[nodiscard]] Result<> check_group(const Host& host, std::string_view name);
/// Ascending.
[[nodiscard]] std::vector<std::string> group_names(const Host& host);

/// What the first member's start leaves for later commands; gone after a boot.
struct GroupRecord {
  std::uint32_t slot = 0;   ///< 0: none yet, or no hooks here
  bool up = false;          ///< its numbers are set and its cgroup is there: from its first member's start to its last one's end
  std::optional<std::uint64_t> guarantee_cap;   ///< vmguarpages as set now, in bytes; nullopt: none
};
/// A group without a record has an empty one.
[[nodiscard]] GroupRecord read_group(const Host& host, std::string_view name);
[[nodiscard]] Result<> write_group(const Host& host, std::string_view name, const GroupRecord& record);
void remove_group_record(const Host& host, std::string_view name);

/// The group that a container pays with: of one that runs or starts, the one that it runs in; of a stopped one what its configuration says.
/// Empty: none.
[[nodiscard]] std::string group_of(const Host& host, std::uint32_t id);
/// Those that run in it or are adopted into it, ascending.
[[nodiscard]] std::vector<std::uint32_t> running_members(const Host& host, std::string_view name);
/// Those, and those whose configuration names it.
[[nodiscard]] std::vector<std::uint32_t> members_of(const Host& host, std::string_view name);

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
// diskspace and diskinodes: a container's private area is a project of its file system, its id the project's number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/config_file.h"
#include "container/host.h"
#include "os/project_quota.h"
#include "os/result.h"

namespace ubc::container {

/// What DISKSPACE, DISKINODES and QUOTATIME ask of the file system; nothing where DISK_QUOTA="no". QUOTATIME="0", as all samples have it,
/// makes the soft limit the hard one: no time to stay above it. Fails with Code::bad_value, naming the key.
[[nodiscard]] Result<os::ProjectUse> disk_limits_in(const accounting::ConfigFile& config);
/// As the configuration keeps it; any other key's text as it is. Fails with Code::bad_value, naming vzctl's option.
[[nodiscard]] Result<std::string> disk_value(std::string_view key, const std::string& text);
/// Whether it says any of these keys.
[[nodiscard]] bool says_disk(const accounting::ConfigFile& config);

/// An empty private area from now on counts as its container's. A file system that does not count by project is none of create's business.
void count_disk(const std::string& area, std::uint32_t id);

/// Sets what the configuration says, live: all of it, none where it says nothing. Fails with Code::unsupported where the file system
/// cannot, or the private area was made when it could not.
[[nodiscard]] Result<> limit_disk(const Host& host, std::uint32_t id, const accounting::ConfigFile& config);
/// The same at a start, which goes on without: why not goes to `notes`.
void limit_disk_at_start(const Host& host, std::uint32_t id, const accounting::ConfigFile& config, std::vector<std::string>& notes);
/// The private area is gone: the next container with this id begins without limits.
void forget_disk(const Host& host, std::uint32_t id);

/// nullopt: nobody counts it.
[[nodiscard]] std::optional<os::ProjectUse> disk_use(const Host& host, std::uint32_t id);

}  // namespace ubc::container

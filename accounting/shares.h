// SPDX-License-Identifier: Apache-2.0
// What a container gets of the CPUs and of the disk: vzctl's options, the keys that hold them, and the cgroup files that do it. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/config_file.h"
#include "os/result.h"

namespace ubc::accounting {

struct ShareInfo {
  std::string_view option;   ///< without dashes; upper case it is the key
  std::string_view help;
  std::string_view told;     ///< what `set` says it is setting, as vzctl
};
inline constexpr auto kShares = std::to_array<ShareInfo>({
    {"cpuunits", "weight against other containers, 8 to 500000; 1000 by default", "CPU units"},
    {"cpulimit", "percent of one CPU, or N% of all of them; 0: none", "CPU limit"},
    {"cpus", "as many CPUs' time at most", "CPUs"},
    {"cpumask", "the CPUs it may run on, 0-2,7, or all", "CPU mask"},
    {"nodemask", "the memory nodes it may use, or all", "node mask"},
    {"ioprio", "weight on the disk, 0 to 7; 4 by default", "I/O priority"},
    {"iolimit", "bytes a second, read and written each; a bare number is MiB; 0 or unlimited: none", "iolimit"},
    {"iopslimit", "operations a second, reads and writes each; 0: none", "iopslimit"},
});
[[nodiscard]] const ShareInfo* find_share(std::string_view key);
/// The key that is written into the same file, so that one is not set without the other; empty: none.
[[nodiscard]] std::string_view partner_of(std::string_view key);

/// What the configuration keeps of an option's text: "50%" of 4 CPUs is 200, 10 of iolimit is 10485760. Fails with Code::bad_value.
[[nodiscard]] Result<std::string> share_value(const ShareInfo& share, std::string_view text, unsigned cpus_of_host);

/// Of a mask: all that the cgroup above may use.
inline constexpr std::string_view kAll = "all";

/// A file of the container's cgroup and what is written to it; kAll is for who knows the cgroup to replace.
struct ShareKnob {
  std::string file, text;
  std::string_view share;   ///< the option that asks
  bool operator==(const ShareKnob&) const = default;
};
/// Of what the configuration says, nothing of what it does not say. `device`: "8:0", that the private area lies on; empty where it is not
/// on one. Fails with Code::bad_value, naming the key.
[[nodiscard]] Result<std::vector<ShareKnob>> share_knobs(const ConfigFile& config, std::string_view device);

}  // namespace ubc::accounting

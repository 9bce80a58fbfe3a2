// SPDX-License-Identifier: Apache-2.0
// Sample configurations, ve-NAME.conf-sample: those of packaging/conf-samples are built in; a file of the same name in the configuration
// directory goes before one, and adds to them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/config_file.h"
#include "os/result.h"

namespace ubc::accounting {

struct Sample {
  std::string_view name;
  std::string_view text;
};
/// By name. (Generated from packaging/conf-samples.)
[[nodiscard]] std::span<const Sample> builtin_samples();

/// Not empty, and never a path: it comes from a command line.
[[nodiscard]] bool is_sample_name(std::string_view name);
/// DIRECTORY/ve-NAME.conf-sample.
[[nodiscard]] std::string sample_path(const std::string& directory, std::string_view name);

/// All names: built in, and in `directory`. Sorted.
[[nodiscard]] std::vector<std::string> sample_names(const std::string& directory);

/// Fails with Code::not_found and the names that exist, or with Code::bad_value where a line of it is wrong.
[[nodiscard]] Result<ConfigFile> load_sample(const std::string& directory, std::string_view name);

/// Whether --applyconfig leaves the key as the container has it: what is its own, like HOSTNAME.
[[nodiscard]] bool is_own_key(std::string_view key);

}  // namespace ubc::accounting

// SPDX-License-Identifier: Apache-2.0
// The rules of vzcfgvalidate (ubc-semantics 4.1): which numbers of a configuration do not go together, how bad that is, and what would mend
// it, in vzctl 4's order and words. "should be > V" is said where V itself passes, as there. (Pure.)
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "accounting/config_file.h"
#include "accounting/host_memory.h"
#include "accounting/limits.h"

namespace ubc::accounting {

/// What the rules look at. A barrier may be over its limit here.
struct Parameters {
  AllLimits beancounters;
  std::optional<Limits> avnumproc;  ///< AVNUMPROC: processes on average
  std::optional<Limits> diskspace, diskinodes;  ///< soft:hard
  bool disk_quota = false;  ///< DISK_QUOTA="yes": disk numbers are checked too
  std::vector<std::string> unreadable;  ///< one sentence for each value that says nothing
};
[[nodiscard]] Parameters parameters_in(const ConfigFile& config);
/// Every number that is there, in its short form: "240", not "240:240" or "1M".
void write_parameters(ConfigFile& config, const Parameters& parameters);

enum class Grade {
  error,  ///< the validation fails
  warning,  ///< so it does
  recommendation,  ///< it does not
};

struct Finding {
  Grade grade = Grade::error;
  std::string message;  ///< "Error: barrier should be <= limit for tcpsndbuf (currently, 70000:60000)"
  std::string proposal;  ///< "set to 70000:70000"; empty: nothing that a program could mend
};

/// Called for each finding, in order. True: mend it, and later rules see what was mended. Not heeded where there is no proposal.
using Decide = std::function<bool(const Finding&)>;

/// True: valid, or mended to be so. Findings of grade error and warning that were not mended make it false.
[[nodiscard]] bool check_classic(Parameters& parameters, const Decide& decide);
/// physpages and swappages only, against what the host has.
[[nodiscard]] bool check_vswap(Parameters& parameters, const HostMemory& host, const Decide& decide);

}  // namespace ubc::accounting

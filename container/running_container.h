// SPDX-License-Identifier: Apache-2.0
// All that run at once, for who looks at each of them: the ledger is opened once.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accounting/beancounter.h"
#include "accounting/config_file.h"
#include "bpf/ledger.h"
#include "container/host.h"
#include "container/network.h"
#include "os/cgroup_dir.h"
#include "os/result.h"

namespace ubc::container {

struct RunningContainer {
  std::uint32_t id = 0;
  std::uint32_t slot = 0;                   ///< 0: no hooks count it
  bool adopted = false;
  std::string name;                         ///< empty where not said
  os::CgroupDir cgroup;                     ///< held open: who keeps thousands of these keeps as many descriptors
  std::string group;                        ///< that it runs in; empty: none
  std::string source;                       ///< of an adopted one: how it was found
  Addresses addresses;                      ///< of a guest
  std::optional<pid_t> init;                ///< of a guest
  std::optional<std::int64_t> started_at;   ///< seconds since the epoch; of an adopted one nobody knows
  accounting::ConfigFile config;            ///< of a guest
  std::vector<LinkNames> links;             ///< of a guest
};

/// nullopt: it is stopped, or, adopted, its cgroup is gone. Fails with Code::not_found where a guest ends meanwhile, or somebody took its
/// cgroup.
[[nodiscard]] Result<std::optional<RunningContainer>> find_running(const Host& host, std::uint32_t id);

/// The same for who looks at many of them: one that ends at this moment is stopped.
[[nodiscard]] Result<std::optional<RunningContainer>> find_unless_ending(const Host& host, std::uint32_t id);

/// For all slots, as of now: audited, and with what the kernel counts by itself. Fails with Code::not_found where no hooks are attached.
[[nodiscard]] Result<bpf::Ledger> open_whole_ledger(const Host& host);

/// snapshot() of one after the other: what costs the same for one and for all of them is done once.
class Counters {
 public:
  /// `memory`: what the memory controller counts is asked for, six files of each container; else it is as it was when somebody last looked.
  /// The host must outlive this.
  Counters(const Host& host, bool memory) : host_{host}, memory_{memory} {}
  [[nodiscard]] Result<accounting::Snapshot> of(const RunningContainer& container);

 private:
  const Host& host_;
  bool memory_;
  std::optional<bpf::Ledger> ledger_;  ///< opened with the first one that runs
};

}  // namespace ubc::container

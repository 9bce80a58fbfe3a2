// SPDX-License-Identifier: Apache-2.0
// The books of this host held against what lives on it: taken on request or by a timer, never by a scrape; ubcd shows the last one.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "accounting/ledger_drift.h"
#include "container/host.h"
#include "os/result.h"

namespace ubc::container {

/// A container whose held is not what was found.
struct AuditedContainer {
  std::uint32_t slot = 0;
  std::uint32_t id = 0;   ///< 0: nobody has the slot any more
  ubc_resource resource = UBC_NUMPROC;
  accounting::Drift drift;
};

struct LedgerAudit {
  double at = 0;        ///< seconds since the epoch
  double seconds = 0;   ///< that it took
  std::map<ubc_resource, accounting::Drift> sums;   ///< of each of accounting::kAudited
  std::vector<AuditedContainer> drifting;
};

/// Walks every task of the host, again where held and found differ: what moved meanwhile is no drift. Fails with Code::not_found where no
/// hooks are attached.
[[nodiscard]] Result<LedgerAudit> audit_ledger(const Host& host);

/// Amounts in the resource's unit.
[[nodiscard]] nlohmann::ordered_json json_of(const LedgerAudit& audit);
/// What json_of() wrote; without whose they are. Fails with Code::corrupt.
[[nodiscard]] Result<LedgerAudit> parse_audit(const std::string& text);

/// Where the last one is kept.
[[nodiscard]] std::string audit_file_of(const Host& host);
/// nullopt: there was none since the boot.
[[nodiscard]] Result<std::optional<LedgerAudit>> last_audit(const Host& host);

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
// audit: the books held against what lives on this host.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "accounting/limits.h"
#include "cli/options.h"
#include "cli/report.h"
#include "container/ledger_audit.h"
#include "os/text_file.h"

namespace ubc::cli {
namespace {

using container::AuditedContainer;
using container::Host;
using container::LedgerAudit;

std::string whose(const AuditedContainer& one) {
  return one.id != 0 ? fmt::format("container {}", one.id) : fmt::format("slot {}, which nobody has", one.slot);
}

void print_table(const LedgerAudit& audit) {
  fmt::print("{:<13} {:>12} {:>12} {:>10} {:>10}\n", "resource", "held", "found", "drift", "missed");
  for (const auto& [resource, drift] : audit.sums)
    fmt::print("{:<13} {:>12} {:>12} {:>10} {:>10}\n", accounting::info_of(resource)->name, drift.held, drift.found, drift.drift,
               drift.missed);
  for (const AuditedContainer& one : audit.drifting)
    fmt::print("{}: {} held {}, found {}, {} of it charged to nobody\n", whose(one), accounting::info_of(one.resource)->name,
               one.drift.held, one.drift.found, one.drift.missed);
}

int audit(const Host& host, const Say& say, bool json) {
  const auto audit = os::with_context(container::audit_ledger(host), "audit the books");
  if (!audit) return fail(audit.error());
  const auto text = json_of(*audit).dump(4) + "\n";
  if (json)
    fmt::print("{}", text);
  else
    print_table(*audit);
  if (const auto kept = os::replace_text(container::audit_file_of(host), text); !kept) return fail(kept.error());
  if (audit->drifting.empty() && !json) say("every number is what lives on this host");
  return exit_ok;
}

}  // namespace

void add_audit(CLI::App& app, Invocation& invocation) {
  const auto json = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("audit", "hold the books against what lives on this host; ubcd shows what the last one found");
  verb->add_flag("--json", *json, "for machines");
  verb->callback([&invocation, json] { invocation.exit_code = audit(invocation.host, invocation.say, *json); });
}

}  // namespace ubc::cli

// SPDX-License-Identifier: Apache-2.0
#include "container/ledger_audit.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <set>

#include "accounting/resource.h"
#include "bpf/sightings.h"
#include "container/container.h"
#include "container/running_container.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

using accounting::Drift;
using accounting::Drifts;
using accounting::kAudited;
using accounting::Walk;

constexpr int kWalks = 3;   // as long as something differs

/// A group holds what its members do: no object is its own.
std::set<std::uint32_t> groups_in(const bpf::Ledger& ledger) {
  std::set<std::uint32_t> groups;
  for (std::uint32_t slot = 1; slot < UBC_MAX_SLOTS; ++slot)
    if (const std::uint32_t group = ledger.group_of(slot); group != 0) groups.insert(group);
  return groups;
}

Walk::Held held_of(const bpf::Ledger& ledger, const std::set<std::uint32_t>& groups) {
  Walk::Held held;
  for (std::uint32_t slot = 1; slot < UBC_MAX_SLOTS; ++slot)
    for (const ubc_resource resource : kAudited)
      if (!groups.contains(slot)) held[{slot, resource}] = ledger.read(slot, resource).held;
  return held;
}

std::map<std::uint32_t, std::uint32_t> ids_by_slot(const Host& host) {
  std::map<std::uint32_t, std::uint32_t> ids;
  for (const std::uint32_t id : known_ids(host))
    if (const auto found = find_running(host, id); found && *found && (*found)->slot != 0) ids[(*found)->slot] = id;
  return ids;
}

Result<Drifts> walk(const Host& host, const bpf::Ledger& ledger) {
  const std::set<std::uint32_t> groups = groups_in(ledger);
  Drifts best;
  for (int i = 0; i < kWalks && (i == 0 || accounting::any_drift(best)); ++i) {
    Walk seen;
    const Walk::Held before = held_of(ledger, groups);
    UBC_TRY(bpf::read_sightings(host.paths.pins, [&](const ubc_sighting& one) { seen.add(one); }));
    best = accounting::better_of(best, seen.against(before, held_of(ledger, groups)));
  }
  return best;
}

nlohmann::ordered_json json_of(const Drift& drift) {
  return {{"held", drift.held}, {"found", drift.found}, {"missed", drift.missed}, {"drift", drift.drift}};
}

Result<Drift> drift_of(const nlohmann::json& json) {
  for (const char* key : {"held", "found", "missed"})
    if (!json.at(key).is_number_unsigned()) return os::error(Code::corrupt, "read the last audit: {} is no amount", key);
  return Drift{json.at("held").get<std::uint64_t>(), json.at("found").get<std::uint64_t>(), json.at("missed").get<std::uint64_t>(),
               json.at("drift").get<std::int64_t>()};
}

std::string name_of(ubc_resource resource) { return std::string{accounting::info_of(resource)->name}; }

}  // namespace

Result<LedgerAudit> audit_ledger(const Host& host) {
  using clock = std::chrono::steady_clock;
  const bpf::Ledger ledger = UBC_TRY(open_whole_ledger(host));
  LedgerAudit audit;
  audit.at = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  const auto start = clock::now();
  const Drifts drifts = UBC_TRY(walk(host, ledger));
  audit.seconds = std::chrono::duration<double>(clock::now() - start).count();
  audit.sums = accounting::sums_of(drifts);
  const auto ids = ids_by_slot(host);
  for (const auto& [where, drift] : drifts)
    if (drift.drift != 0 || drift.missed != 0)
      audit.drifting.push_back({where.first, ids.contains(where.first) ? ids.at(where.first) : 0, where.second, drift});
  return audit;
}

nlohmann::ordered_json json_of(const LedgerAudit& audit) {
  nlohmann::ordered_json resources = nlohmann::ordered_json::object(), drifting = nlohmann::ordered_json::array();
  for (const auto& [resource, drift] : audit.sums) resources[name_of(resource)] = json_of(drift);
  for (const AuditedContainer& one : audit.drifting) {
    nlohmann::ordered_json entry{{"slot", one.slot}, {"ctid", one.id}, {"resource", name_of(one.resource)}};
    entry.update(json_of(one.drift));
    drifting.push_back(std::move(entry));
  }
  return {{"at", audit.at}, {"seconds", audit.seconds}, {"resources", std::move(resources)}, {"drifting", std::move(drifting)}};
}

Result<LedgerAudit> parse_audit(const std::string& text) {
  LedgerAudit audit;
  try {
    const auto json = nlohmann::json::parse(text);
    json.at("at").get_to(audit.at);
    json.at("seconds").get_to(audit.seconds);
    for (const auto& [name, drift] : json.at("resources").items()) {
      const accounting::ResourceInfo* info = accounting::find_resource(name);
      if (info == nullptr) return os::error(Code::corrupt, "read the last audit: there is no resource {}", os::printable(name));
      audit.sums[info->resource] = UBC_TRY(drift_of(drift));
    }
  } catch (const nlohmann::json::exception& wrong) {
    return os::error(Code::corrupt, "read the last audit: {}: ubctl audit makes it anew", wrong.what());
  }
  return audit;
}

std::string audit_file_of(const Host& host) { return host.paths.run + "/audit.json"; }

Result<std::optional<LedgerAudit>> last_audit(const Host& host) {
  const auto text = os::read_text(audit_file_of(host));
  if (!text && text.error().code == Code::not_found) return std::nullopt;
  if (!text) return std::unexpected(text.error());
  return UBC_TRY(parse_audit(*text));
}

}  // namespace ubc::container

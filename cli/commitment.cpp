// SPDX-License-Identifier: Apache-2.0
// commitment: what running containers use and were promised of the host's memory, as vzmemcheck said it; of one container, as vzcalc did.
#include "accounting/commitment.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "cli/json.h"
#include "cli/options.h"
#include "cli/report.h"
#include "container/container.h"
#include "os/text_file.h"

namespace ubc::cli {
namespace {

using accounting::CalcRow;
using accounting::ContainerCommitment;
using accounting::HostMemory;
using container::Host;
using nlohmann::ordered_json;

struct CommitmentOptions {
  std::string ctid;   ///< empty: all that run
  bool each = false, absolute = false, json = false;
};

Result<std::vector<ContainerCommitment>> read_commitments(const Host& host) {
  struct Started {
    std::int64_t at;
    std::uint32_t id;
  };
  std::vector<Started> order;
  for (const std::uint32_t id : container::known_ids(host))
    if (const auto guest = container::running(host, id)) order.push_back({guest->record.started_at, id});
  // The last one first, as in /proc/user_beancounters.
  std::ranges::sort(order, [](const Started& a, const Started& b) { return std::pair{a.at, a.id} > std::pair{b.at, b.id}; });
  std::vector<ContainerCommitment> result;
  for (const Started& started : order) {
    const auto snapshot = UBC_TRY(container::snapshot(host, started.id));
    result.push_back({started.id, accounting::commitment_of(snapshot)});
  }
  return result;
}

ordered_json json_of(const accounting::Commitment& commitment) {
  ordered_json object;
  for (std::size_t i = 0; i < commitment.size(); ++i)
    object[std::string{accounting::kCommitments[i].name}] = commitment[i] ? ordered_json(*commitment[i]) : ordered_json();
  return object;
}

ordered_json json_of(const std::vector<ContainerCommitment>& containers, const HostMemory& host) {
  ordered_json array = ordered_json::array();
  std::vector<accounting::Commitment> all;
  for (const ContainerCommitment& each : containers) {
    all.push_back(each.commitment);
    ordered_json object{{"ctid", each.ctid}};
    object.update(json_of(each.commitment));
    array.push_back(object);
  }
  return {
      {"host",
       {{"lowmem", accounting::capacity_of(host, accounting::Against::low_memory)}, {"ram", host.ram_bytes}, {"swap", host.swap_bytes}}},
      {"containers", array},
      {"total", json_of(accounting::sum_of(all))}};
}

/// A share that is n/a is left out; null is unlimited.
ordered_json json_of(const std::vector<CalcRow>& rows, std::uint32_t id) {
  ordered_json object{{"ctid", id}};
  const auto add = [](ordered_json& row, const char* name, std::optional<double> share) {
    if (share) row[name] = std::isfinite(*share) ? ordered_json(*share) : ordered_json();
  };
  for (const CalcRow& row : rows) {
    ordered_json& shares = object[std::string{row.name}] = ordered_json::object();
    add(shares, "current", row.current);
    add(shares, "promised", row.promised);
    add(shares, "max", row.maximum);
  }
  return object;
}

Result<std::string> text_for_all(const Host& host, const CommitmentOptions& options) {
  const HostMemory memory = UBC_TRY(accounting::read_host_memory(host.paths.proc + "/meminfo"));
  const auto containers = UBC_TRY(read_commitments(host));
  if (options.json) return json_of(containers, memory).dump(4) + "\n";
  return accounting::commitment_table(containers, memory, options.each, options.absolute);
}

Result<std::string> text_for(const Host& host, std::uint32_t id, const CommitmentOptions& options) {
  if (!container::status_of(host, id).exists) return std::unexpected(container::unknown_container(id));
  const HostMemory memory = UBC_TRY(accounting::read_host_memory(host.paths.proc + "/meminfo"));
  const auto threads_text = UBC_TRY(os::read_text(host.paths.proc + "/sys/kernel/threads-max"));
  const auto threads = UBC_TRY(os::parse_number(threads_text));
  const auto snapshot = UBC_TRY(container::snapshot(host, id));
  const auto rows = accounting::calc_rows(snapshot, container::running(host, id).has_value(), memory, threads);
  if (options.json) return json_of(rows, id).dump(4) + "\n";
  return accounting::calc_table(rows, options.each);
}

int commitment(const Host& host, const CommitmentOptions& options) {
  if (options.ctid.empty()) {
    const auto text = text_for_all(host, options);
    if (!text) return fail(text.error());
    fmt::print("{}", *text);
    return exit_ok;
  }
  const auto id = container::resolve_id(host, options.ctid);
  if (!id) return fail(id.error());
  const auto text = text_for(host, *id, options);
  if (!text) return fail(text.error());
  fmt::print("{}", *text);
  return exit_ok;
}

}  // namespace

void add_commitment(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<CommitmentOptions>();
  CLI::App* verb = app.add_subcommand("commitment", "what containers use and were promised of this host's memory");
  CLI::Option* ctid = verb->add_option("CTID", options->ctid, "of one container: current, promised and greatest share");
  verb->add_flag("-v,--verbose", options->each, "each container, or each kind of memory");
  verb->add_flag("-A,--absolute", options->absolute, "megabytes, not percent")->excludes(ctid);
  verb->add_flag("--json", options->json, "for machines: bytes, shares; null is unlimited");
  verb->callback([&invocation, options] { invocation.exit_code = commitment(invocation.host, *options); });
}

}  // namespace ubc::cli

// SPDX-License-Identifier: Apache-2.0
// list: vzlist's table. A bare resource name is held; .m maxheld, .b barrier, .l limit, .f failcnt.
#include <algorithm>
#include <memory>
#include <set>

#include "accounting/shares.h"
#include "accounting/vswap.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/report.h"
#include "container/adoption.h"
#include "container/container.h"
#include "container/disk_quota.h"
#include "container/group_record.h"
#include "container/host_mount.h"
#include "container/network.h"
#include "container/running_container.h"
#include "container/suspension.h"

namespace ubc::cli {
namespace {

using accounting::Beancounter;
using accounting::ResourceInfo;
using container::Host;

struct ListOptions {
  bool all = false, stopped = false, no_header = false, json = false, only_ids = false;
  std::string fields;
  std::vector<std::string> wanted;
};

struct Row {
  std::uint32_t id = 0;
  bool running = false, suspended = false, mounted = false, adopted = false;
  std::string name, source;   ///< of an adopted one, which has no configuration
  accounting::ConfigFile config;
  accounting::Snapshot snapshot;
  std::string group;
  container::Addresses addresses;
  std::optional<os::ProjectUse> disk;
};

struct Field {
  std::string name;
  std::string heading;
  int width = 10;   ///< negative: left-aligned
  const ResourceInfo* resource = nullptr;
  char part = 0;    ///< of a resource: 0 held, m, b, l, f
  std::string key = {};   ///< of a configuration's
};

constexpr std::string_view kDefault = "ctid,numproc,status,ip,name,hostname";

/// A key of the configuration, or what stands for it.
std::optional<std::string> said_of(const Row& row, std::string_view key) {
  if (!row.adopted) return row.config.get(key);
  if (key == "NAME") return row.name;
  return key == "DESCRIPTION" ? std::optional{"adopted " + row.source} : std::nullopt;
}

/// vzlist's words.
const char* state_of(const Row& row) { return row.suspended ? "suspended" : row.running ? "running" : row.mounted ? "mounted" : "stopped"; }

/// vzlist's diskspace, in KiB, and diskinodes: with .s the soft limit, with .h the hard one.
std::optional<Field> disk_field(std::string_view text) {
  const std::string_view name = text.substr(0, text.find('.')), part = text.substr(name.size());
  if ((name != "diskspace" && name != "diskinodes") || (!part.empty() && part != ".s" && part != ".h")) return std::nullopt;
  const std::string heading = name == "diskspace" ? "DSPACE" : "DINODES";
  return Field{std::string{text}, part.empty() ? heading : heading + (part == ".s" ? ".S" : ".H"), 10};
}

std::string disk_cell(const std::optional<os::ProjectUse>& use, std::string_view field) {
  if (!use) return "-";
  const bool space = field.starts_with("diskspace");
  const os::ProjectAmount& amount = space ? use->bytes : use->inodes;
  const std::uint64_t unit = space ? 1024 : 1;
  if (field.ends_with(".s") || field.ends_with(".h")) {
    const std::uint64_t limit = field.ends_with(".s") ? amount.soft : amount.hard;
    return limit == 0 ? "-" : std::to_string(limit / unit);
  }
  return std::to_string((amount.held + unit - 1) / unit);
}

Result<Field> parse_field(std::string_view text) {
  if (text == "ctid") return Field{"ctid", "CTID", 10};
  if (text == "status") return Field{"status", "STATUS", -9};
  if (text == "vswap") return Field{"vswap", "VSWAP", 5};
  if (text == "vm_overcommit") return Field{"vm_overcommit", "VM_OVC", 6};
  if (text == "ip") return Field{"ip", "IP_ADDR", -15};
  if (text == "group") return Field{"group", "GROUP", -16};
  if (text == "name" || text == "hostname" || text == "ostemplate" || text == "description")
    return Field{std::string{text}, accounting::key_of(text), -32, nullptr, 0, accounting::key_of(text)};
  if (accounting::find_share(accounting::key_of(text)) != nullptr)
    return Field{std::string{text}, accounting::key_of(text), 10, nullptr, 0, accounting::key_of(text)};
  if (const auto disk = disk_field(text)) return *disk;
  const std::size_t dot = text.find('.');
  const ResourceInfo* info = accounting::find_resource(text.substr(0, dot));
  const char part = dot == text.npos ? '\0' : dot + 2 == text.size() ? text[dot + 1] : '?';
  if (info == nullptr || (part != 0 && !std::string_view{"mblf"}.contains(part))) {
    const auto near = accounting::nearest_name(text.substr(0, dot));
    return os::error(
        Code::bad_value,
        "Unknown field {}{}: fields are ctid, status, group, ip, vswap, vm_overcommit, name, hostname, ostemplate, description, "
        "diskspace and diskinodes with .s .h, and each resource with .m .b .l .f",
        text, near ? fmt::format(" (did you mean {}?)", *near) : "");
  }
  return Field{std::string{text}, std::string{info->heading} + (part == 0 ? "" : std::string{'.', static_cast<char>(part & ~0x20)}), 10,
               info, part};
}

Result<std::vector<Field>> parse_fields(std::string_view text) {
  std::vector<Field> fields;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    fields.push_back(UBC_TRY(parse_field(text.substr(0, comma))));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return fields;
}

std::uint64_t part_of(const Beancounter& counter, char part) {
  switch (part) {
    case 'm': return counter.maxheld;
    case 'b': return counter.barrier;
    case 'l': return counter.limit;
    case 'f': return counter.failcnt;
    default: return counter.held;
  }
}

std::string cell(const Row& row, const Field& field) {
  if (field.name == "ctid") return std::to_string(row.id);
  if (field.name == "status") return state_of(row);
  if (field.name == "group") return row.group.empty() ? "-" : row.group;
  if (field.name == "ip") return row.addresses.empty() ? "-" : container::text_of(row.addresses);
  if (field.name.starts_with("disk")) return disk_cell(row.disk, field.name);
  if (field.name == "vswap") return row.snapshot.is_vswap() ? "yes" : "no";
  if (field.resource == nullptr) {
    const auto value = said_of(row, field.key);
    return value && !value->empty() ? *value : "-";
  }
  if (!row.running && field.part != 'b' && field.part != 'l') return "-";
  return std::to_string(part_of(row.snapshot.of(field.resource->resource), field.part));
}

void print_line(const std::vector<std::string>& cells, const std::vector<Field>& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string padded =
        fields[i].width < 0 ? fmt::format("{:<{}}", cells[i], -fields[i].width) : fmt::format("{:>{}}", cells[i], fields[i].width);
    line += (i == 0 ? "" : " ") + padded;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  fmt::print("{}\n", line);
}

/// null where the configuration does not say it, or says no number.
nlohmann::ordered_json overcommit_of(const Row& row) {
  const auto text = row.config.get("VM_OVERCOMMIT");
  const auto factor = text ? accounting::parse_overcommit(*text) : Result<double>{os::error(Code::not_found, "not said")};
  return factor ? nlohmann::ordered_json(*factor) : nlohmann::ordered_json();
}

/// Bytes or inodes; null where there is no limit.
nlohmann::ordered_json disk_json(const os::ProjectAmount& amount) {
  const auto limit = [](std::uint64_t number) { return number == 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(number); };
  return {{"held", amount.held}, {"soft", limit(amount.soft)}, {"hard", limit(amount.hard)}};
}

nlohmann::ordered_json json_of(const Row& row) {
  const auto text = [&](std::string_view key) {
    const auto value = said_of(row, key);
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
  };
  nlohmann::ordered_json ips = nlohmann::ordered_json::array();
  for (const os::IpAddress& address : row.addresses) ips.push_back(address.text());
  nlohmann::ordered_json object{{"ctid", row.id},
                                {"status", state_of(row)},
                                {"name", text("NAME")},
                                {"hostname", text("HOSTNAME")},
                                {"ostemplate", text("OSTEMPLATE")},
                                {"description", text("DESCRIPTION")},
                                {"group", row.group.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(row.group)},
                                {"ip", ips},
                                {"vswap", row.snapshot.is_vswap()},
                                {"vm_overcommit", overcommit_of(row)},
                                {"diskspace", row.disk ? disk_json(row.disk->bytes) : nlohmann::ordered_json()},
                                {"diskinodes", row.disk ? disk_json(row.disk->inodes) : nlohmann::ordered_json()}};
  add_counters(object, row.snapshot);
  return object;
}

/// Whether a row needs its counters: a stopped container's are its configuration's limits and nothing held, which prints as "-".
bool needs_counters(const std::vector<Field>& fields, bool running, bool json) {
  return json || std::ranges::any_of(fields, [running](const Field& field) {
           return field.name == "vswap" || (field.resource != nullptr && (running || field.part == 'b' || field.part == 'l'));
         });
}

bool needs_memory(const std::vector<Field>& fields, bool json) {
  const auto by_controller = [](const Field& field) {
    return field.resource != nullptr &&
           std::ranges::find(bpf::kSampledResources, field.resource->resource) != std::end(bpf::kSampledResources);
  };
  return json || std::ranges::any_of(fields, by_controller);
}

Row row_of(container::RunningContainer& container) {
  Row row;
  row.id = container.id;
  row.running = row.mounted = true;
  row.suspended = container::is_suspended(container.cgroup);
  row.adopted = container.adopted;
  row.name = std::move(container.name);
  row.source = std::move(container.source);
  row.config = std::move(container.config);
  row.group = std::move(container.group);
  row.addresses = std::move(container.addresses);
  return row;
}

Result<Row> row_of_stopped(const Host& host, std::uint32_t id) {
  Row row;
  row.id = id;
  row.mounted = container::is_mounted(host, id);
  row.config = UBC_TRY(accounting::ConfigFile::load(host.paths.config_of(id)));
  row.group = row.config.get("GROUP").value_or("");
  row.addresses = container::parse_addresses(row.config.get("IP_ADDRESS").value_or("")).value_or(container::Addresses{});
  return row;
}

/// What is asked for, and what that takes.
struct Wish {
  const ListOptions& options;
  const std::vector<Field>& fields;
  bool disk = false;
};

/// nullopt: it is not to be shown.
Result<std::optional<Row>> look_at(const Host& host, std::uint32_t id, bool may_run, bool named, const Wish& wish,
                                   container::Counters& counters) {
  auto running = may_run ? UBC_TRY(container::find_unless_ending(host, id)) : std::nullopt;
  const bool shown = named || (wish.options.stopped ? !running : wish.options.all || running.has_value());
  if (!shown || (!(running && running->adopted) && !container::has_files(host, id))) return std::nullopt;   // nor one that is being made
  Row row = running ? row_of(*running) : UBC_TRY(row_of_stopped(host, id));
  if (wish.disk) row.disk = container::disk_use(host, id);
  if (needs_counters(wish.fields, row.running, wish.options.json))
    row.snapshot = UBC_TRY(running ? counters.of(*running) : container::snapshot(host, id));
  return row;
}

void release_vanished(const Host& host) {
  std::vector<std::string> notes;
  container::mend_adopted(host, std::nullopt, notes);
  warn(notes);
}

Result<std::vector<Row>> rows_for(const Host& host, const ListOptions& options, const std::vector<Field>& fields) {
  std::set<std::uint32_t> chosen;
  for (const std::string& text : options.wanted) chosen.insert(UBC_TRY(container::resolve_id(host, text)));
  const std::set<std::uint32_t> recorded = container::recorded_ids(host);
  const bool disk = options.json || std::ranges::any_of(fields, [](const Field& field) { return field.name.starts_with("disk"); });
  const Wish wish{options, fields, disk};
  container::Counters counters{host, needs_memory(fields, options.json)};
  std::vector<Row> rows;
  bool vanished = false;   // an adopted container's cgroup
  for (const std::uint32_t id : container::known_ids(host)) {
    const bool may_run = recorded.contains(id), named = chosen.contains(id);
    if (!chosen.empty() && !named) continue;
    if (!may_run && !named && !options.all && !options.stopped) continue;
    if (auto row = UBC_TRY(look_at(host, id, may_run, named, wish, counters)))
      rows.push_back(*std::move(row));
    else if (may_run && !container::has_files(host, id))
      vanished = true;
  }
  if (vanished) release_vanished(host);
  return rows;
}

int list(const Host& host, const ListOptions& options) {
  const auto fields = parse_fields(options.only_ids ? "ctid" : options.fields.empty() ? kDefault : std::string_view{options.fields});
  if (!fields) return fail(fields.error());
  const auto rows = rows_for(host, options, *fields);
  if (!rows) return fail(rows.error());
  if (options.json) {
    nlohmann::ordered_json array = nlohmann::ordered_json::array();
    for (const Row& row : *rows) array.push_back(json_of(row));
    fmt::print("{}\n", array.dump(4, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    return exit_ok;
  }
  if (rows->empty() && !options.wanted.empty()) return fail({Code::not_found, 0, "Container(s) not found"}, 1);
  std::vector<std::string> headings;
  for (const Field& field : *fields) headings.push_back(field.heading);
  if (!options.no_header && !options.only_ids) print_line(headings, *fields);
  for (const Row& row : *rows) {
    std::vector<std::string> cells;
    for (const Field& field : *fields) cells.push_back(cell(row, field));
    print_line(cells, *fields);
  }
  return exit_ok;
}

}  // namespace

void add_list(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<ListOptions>();
  CLI::App* verb = app.add_subcommand("list", "the containers, as vzlist shows them");
  verb->add_option("CTID", options->wanted, "only these");
  verb->add_flag("-a,--all", options->all, "stopped ones too");
  verb->add_flag("-S,--stopped", options->stopped, "only stopped ones");
  verb->add_flag("-H,--no-header", options->no_header, "no heading");
  verb->add_flag("-j,--json", options->json, "JSON, all fields");
  verb->add_flag("-1", options->only_ids, "only ids");
  verb->add_option("-o,--output", options->fields, "fields: ctid,numproc,numproc.f,...");
  verb->callback([&invocation, options] { invocation.exit_code = list(invocation.host, *options); });
}

}  // namespace ubc::cli

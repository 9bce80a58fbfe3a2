// SPDX-License-Identifier: Apache-2.0
// show: one container's table with units and bars, once or again and again; --raw: the classic one.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "accounting/user_beancounters.h"
#include "bpf/attached_hooks.h"
#include "cli/counter_table.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/screen.h"
#include "container/adopted_record.h"
#include "container/container.h"
#include "container/group_record.h"
#include "container/network.h"
#include "container/usage.h"
#include "container/usage_json.h"
#include "os/text_file.h"

namespace ubc::cli {
namespace {

using container::Host;

struct ShowOptions {
  bool raw = false, failed = false, json = false, last = false;
  std::optional<double> watch;   ///< seconds between two looks
};

constexpr double kShortestLook = 0.1, kLongestLook = 3600;

Result<> print_json(const Host& host, std::uint32_t id, const accounting::Snapshot& snapshot, bool last) {
  const std::string group = container::group_of(host, id);
  nlohmann::ordered_json object{
      {"ctid", id}, {"vswap", snapshot.is_vswap()}, {"group", group.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(group)}};
  add_counters(object, snapshot);
  nlohmann::ordered_json usage = nlohmann::ordered_json::object();
  for (const accounting::UsageRow& row : last ? std::vector<accounting::UsageRow>{} : UBC_TRY(container::usage_rows(host, id)))
    usage[std::string{row.name}] = container::json_of(row);
  object["usage"] = std::move(usage);
  fmt::print("{}\n", object.dump(4));
  return {};
}

/// What stands above the table.
std::vector<std::string> title_of(const Host& host, std::uint32_t id, const container::Status& status,
                                  const accounting::Snapshot& snapshot) {
  const auto adopted = container::read_adopted(host, id);
  const char* state = status.running ? "running" : "stopped";
  const std::string group = container::group_of(host, id);
  std::vector<std::string> title{fmt::format("container {}, {}{}{}", id,
                                             adopted ? fmt::format("{}, adopted {}", adopted->name, adopted->source) : state,
                                             snapshot.is_vswap() ? ", VSwap" : "", group.empty() ? "" : ", group " + group)};
  if (const auto config = accounting::ConfigFile::load(host.paths.config_of(id)); config && !adopted)
    if (const auto addresses = container::addresses_of(host, id, *config); !addresses.empty())
      title.front() += ", " + container::text_of(addresses);
  if (const auto refused = container::refused_packets(host, id); refused && refused->spoofed + refused->denied + refused->over_rate != 0)
    title.push_back(fmt::format("packets refused: {} from addresses that are not its own, {} by the host's policy, {} over its rate",
                                refused->spoofed, refused->denied, refused->over_rate));
  if (status.running && (!bpf::hooks_attached(host.paths.pins) || (adopted && adopted->slot == 0)))
    title.emplace_back("sampled: counted at this moment by a census of /proc, not refused; ubctl features says why");
  return title;
}

/// Rows that stay 0 because no hook has a reason to count them yet; empty where all are counted.
std::string uncounted(const Host& host) {
  if (!bpf::hooks_attached(host.paths.pins)) return {};
  std::string names;
  for (const accounting::ResourceInfo& info : accounting::kResources)
    if (const bpf::HookGroup group = bpf::group_of(info.resource);
        bpf::counts_by_hooks(group) && !bpf::group_attached(group, host.paths.pins))
      names += fmt::format(" {}", info.name);
  return names.empty() ? names : "not counted until a container has a number on it:" + names;
}

/// One look at the container: all lines of it, and the counters for the next look to compare with.
struct Look {
  accounting::Snapshot counters;
  std::vector<accounting::UsageRow> usage;
  std::vector<ScreenLine> lines;
  std::chrono::steady_clock::time_point at = std::chrono::steady_clock::now();
};

Result<Look> look_at(const Host& host, std::uint32_t id, const ShowOptions& options, TableOptions table) {
  const container::Status status = container::status_of(host, id);
  if (!status.exists) return std::unexpected(container::unknown_container(id));
  Look look{
      UBC_TRY(options.last ? container::last_snapshot(host, id) : container::snapshot(host, id)), {}, {}, std::chrono::steady_clock::now()};
  if (!options.last && !options.failed) look.usage = UBC_TRY(container::usage_rows(host, id));
  for (const std::string& line : title_of(host, id, status, look.counters)) look.lines.push_back({os::printable(line)});
  look.lines.push_back({table_heading(table), Style::heading});
  for (TableLine& line : table_of(look.counters, table))
    if (line.failed || !options.failed) look.lines.push_back({std::move(line.text), line.failed ? Style::alarm : Style::plain});
  for (TableLine& line : usage_lines(look.usage, table)) look.lines.push_back({std::move(line.text)});
  if (const std::string names = uncounted(host); !names.empty() && !options.failed && !options.last)
    look.lines.push_back({names, Style::dim});
  return look;
}

TableOptions compared_with(const std::optional<Look>& before, std::size_t columns) {
  if (!before) return {.before = nullptr, .columns = columns, .changes = true};
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - before->at;
  return {.before = &before->counters, .columns = columns, .changes = true, .usage_before = &before->usage, .seconds = passed.count()};
}

void print_look(const Look& look) {
  const bool color = ::isatty(STDOUT_FILENO) != 0;
  for (const ScreenLine& line : look.lines)
    fmt::print("{}{}{}\n", line.style == Style::alarm && color ? "\033[31m" : "", line.text,
               line.style == Style::alarm && color ? "\033[0m" : "");
}

/// One table after another, until whoever reads has seen enough.
int watch_as_text(const Host& host, std::uint32_t id, const ShowOptions& options) {
  std::optional<Look> before;
  for (;;) {
    const auto look = look_at(host, id, options, compared_with(before, 80));
    if (!look) return fail(look.error());
    if (before) fmt::print("\n");
    print_look(*look);
    (void)std::fflush(stdout);
    before = *look;
    std::this_thread::sleep_for(std::chrono::duration<double>{*options.watch});
  }
}

/// What a low window has no room for is not left out unsaid.
std::vector<ScreenLine> fitted(std::vector<ScreenLine> lines, std::size_t rows) {
  if (lines.size() <= rows) return lines;
  const std::size_t hidden = lines.size() - rows + 1;
  lines.resize(rows);
  lines.back() = {fmt::format("({} more lines: a taller window has room for them, --failed leaves out what was not refused)", hidden),
                  Style::dim};
  return lines;
}

/// In place, until q or a signal.
Result<> watch_on_screen(const Host& host, std::uint32_t id, const ShowOptions& options) {
  using clock = std::chrono::steady_clock;
  const auto interval = std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>{*options.watch});
  auto screen = UBC_TRY(Screen::open("show --watch"));
  std::optional<Look> before, now;
  for (clock::time_point next{}; !screen.ended();) {
    if (clock::now() >= next) {
      before = std::exchange(now, std::nullopt);
      now = UBC_TRY(look_at(host, id, options, compared_with(before, screen.size().columns)));
      next = clock::now() + interval;
    }
    screen.draw({fitted(now->lines, screen.size().rows), std::nullopt});
    const Key key = screen.key(std::chrono::ceil<std::chrono::milliseconds>(next - clock::now()));
    if (key.character == 'q' || key.kind == Key::Kind::escape) break;
  }
  return {};
}

int watch(const Host& host, std::uint32_t id, const ShowOptions& options) {
  if (options.raw || options.json || options.last)
    return fail({Code::bad_value, 0, "--watch shows a table as it is now: leave out --raw, --json and --last"}, exit_bad_value);
  if (*options.watch < kShortestLook || *options.watch > kLongestLook)
    return fail(
        {Code::bad_value, 0, fmt::format("--watch {}: seconds between two looks, {} to {}", *options.watch, kShortestLook, kLongestLook)},
        exit_bad_value);
  if (::isatty(STDOUT_FILENO) == 0 || ::isatty(STDIN_FILENO) == 0) return watch_as_text(host, id, options);
  const auto watched = watch_on_screen(host, id, options);
  return watched ? Screen::exit_code() : fail(watched.error());
}

int show(const Host& host, std::uint32_t id, const ShowOptions& options) {
  if (options.watch) return watch(host, id, options);
  if (!options.raw && !options.json) {
    const auto look = look_at(host, id, options, {});
    if (!look) return fail(look.error());
    print_look(*look);
    return exit_ok;
  }
  if (!container::status_of(host, id).exists) return fail(container::unknown_container(id));
  const auto snapshot = options.last ? container::last_snapshot(host, id) : container::snapshot(host, id);
  if (!snapshot) return fail(snapshot.error());
  if (options.raw) {
    fmt::print("{}", accounting::user_beancounters({{id, *snapshot}}));
    return exit_ok;
  }
  const auto printed = print_json(host, id, *snapshot, options.last);
  return printed ? exit_ok : fail(printed.error());
}

}  // namespace

void add_show(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<ShowOptions>();
  CLI::App* verb = app.add_subcommand("show", "held, maxheld, barrier, limit and failcnt of a container");
  add_ctid(*verb, invocation);
  verb->add_flag("--raw", options->raw, "the classic Version: 2.5 table");
  verb->add_flag("--failed", options->failed, "only what was refused");
  verb->add_flag("--last", options->last, "of a stopped container: as its last run left them");
  verb->add_flag("--json", options->json, "for machines");
  verb->add_option_function<std::string>(
          "-w,--watch",
          [options](const std::string& seconds) {
            if (!CLI::detail::lexical_cast(seconds, options->watch.emplace())) throw CLI::ConversionError(seconds, "--watch");
          },
          "again and again, each SECONDS (1), with held's change since the last look; q or Ctrl-C ends it")
      ->expected(0, 1)
      ->default_str("1")
      ->type_name("[SECONDS]");
  on_parsed(*verb, invocation, [options](const Host& host, std::uint32_t id) { return show(host, id, *options); });
}

}  // namespace ubc::cli

// SPDX-License-Identifier: Apache-2.0
// show: one container's table with units and bars; --raw: the classic one.
#include <unistd.h>

#include <memory>

#include "accounting/user_beancounters.h"
#include "bpf/attached_hooks.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/report.h"
#include "container/adopted_record.h"
#include "container/container.h"

namespace ubc::cli {
namespace {

using accounting::Beancounter;
using accounting::ResourceInfo;
using container::Host;

struct ShowOptions {
  bool raw = false, failed = false, json = false, last = false;
};

constexpr int kBar = 12;

/// How much of the barrier (or limit) is held; blank where there is none.
std::string bar_of(const Beancounter& counter) {
  const accounting::Limit bound = accounting::first_bound(counter);
  const std::uint64_t number = bound.raw();
  if (bound.is_unlimited() || number == 0) return std::string(kBar, ' ');
  const int filled = static_cast<int>(std::min<std::uint64_t>(kBar, (counter.held * kBar + number - 1) / number));
  std::string bar;
  for (int i = 0; i < kBar; ++i) bar += i < filled ? "#" : ".";
  return bar;
}

std::string line_of(const ResourceInfo& info, const Beancounter& c, bool color) {
  const auto text = [&](std::uint64_t amount) { return accounting::format_amount(info.unit, amount); };
  const bool hit = c.failcnt > 0;
  return fmt::format("{}{:<13} {:>9} {:>9} {:>9} {:>9} {:>9} {} {}{}", hit && color ? "\033[31m" : "", info.name, text(c.held),
                     text(c.maxheld), text(c.barrier), text(c.limit), c.failcnt, bar_of(c), hit ? "!" : " ", hit && color ? "\033[0m" : "");
}

void print_table(const accounting::Snapshot& snapshot, bool only_failed) {
  const bool color = ::isatty(1) != 0;
  fmt::print("{:<13} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "resource", "held", "maxheld", "barrier", "limit", "failcnt");
  for (const ResourceInfo& info : accounting::kResources) {
    const Beancounter& c = snapshot.of(info.resource);
    if (!info.counted || (only_failed && c.failcnt == 0)) continue;
    std::string line = line_of(info, c, color);
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  }
}

void print_json(std::uint32_t id, const accounting::Snapshot& snapshot) {
  nlohmann::ordered_json object{{"ctid", id}, {"vswap", snapshot.is_vswap()}};
  add_counters(object, snapshot);
  fmt::print("{}\n", object.dump(4));
}

int show(const Host& host, std::uint32_t id, const ShowOptions& options) {
  const container::Status status = container::status_of(host, id);
  if (!status.exists) return fail(container::unknown_container(id));
  const auto snapshot = options.last ? container::last_snapshot(host, id) : container::snapshot(host, id);
  if (!snapshot) return fail(snapshot.error());
  if (options.raw) {
    fmt::print("{}", accounting::user_beancounters({{id, *snapshot}}));
    return exit_ok;
  }
  if (options.json) {
    print_json(id, *snapshot);
    return exit_ok;
  }
  const auto adopted = container::read_adopted(host, id);
  const char* state = status.running ? "running" : "stopped";
  fmt::print("container {}, {}{}\n", id, adopted ? fmt::format("{}, adopted {}", adopted->name, adopted->source) : state,
             snapshot->is_vswap() ? ", VSwap" : "");
  if (status.running && (!bpf::hooks_attached(host.paths.pins) || (adopted && adopted->slot == 0)))
    fmt::print("sampled: counted at this moment by a census of /proc, not refused; ubctl features says why\n");
  print_table(*snapshot, options.failed);
  return exit_ok;
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
  on_parsed(*verb, invocation, [options](const Host& host, std::uint32_t id) { return show(host, id, *options); });
}

}  // namespace ubc::cli

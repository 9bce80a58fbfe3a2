// SPDX-License-Identifier: Apache-2.0
// top: all running containers on a full screen, who is nearest a barrier first. This file reads and sets; cli/top_model.h is what it shows.
#include <fmt/chrono.h>

#include <chrono>
#include <ctime>
#include <memory>
#include <optional>

#include "accounting/cgroup_usage.h"
#include "bpf/attached_hooks.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/screen.h"
#include "cli/top_model.h"
#include "cli/top_picture.h"
#include "container/container.h"
#include "container/limit_change.h"
#include "container/refusals.h"
#include "container/running_container.h"
#include "container/usage.h"

namespace ubc::cli {
namespace {

using container::Host;
using std::chrono::steady_clock;

constexpr double kShortest = 0.1, kLongest = 3600;

/// Without hooks, or of one that they don't count: as show has it, by a census.
Result<accounting::Snapshot> counters_of(const Host& host, const container::RunningContainer& found, bpf::Ledger* ledger,
                                         const os::CgroupDir& cgroup) {
  if (ledger == nullptr || found.slot == 0) return container::snapshot(host, found.id);
  return container::read_counted(*ledger, found.slot, cgroup);
}

/// nullopt: it is stopped.
Result<std::optional<TopRow>> read_row(const Host& host, std::uint32_t id, bpf::Ledger* ledger) {
  const auto found = UBC_TRY(container::find_running(host, id));
  if (!found) return std::nullopt;
  const os::CgroupDir& cgroup = found->cgroup;
  TopRow row{.id = id, .name = found->name, .adopted = found->adopted, .counters = {}, .cpu_seconds = {}};
  row.counters = UBC_TRY(counters_of(host, *found, ledger, cgroup));
  if (const auto cpu = UBC_TRY(accounting::read_cpu_usage(cgroup))) row.cpu_seconds = cpu->user + cpu->system;
  return row;
}

/// `looked_into`: whose refusals are asked for; 0: nobody's.
TopReading read_all(const Host& host, std::uint32_t looked_into) {
  TopReading reading;
  std::optional<bpf::Ledger> ledger;
  if (bpf::hooks_attached(host.paths.pins)) {
    if (auto opened = container::open_whole_ledger(host))
      ledger = *std::move(opened);
    else
      reading.failures.push_back(opened.error().message);
  }
  for (const std::uint32_t id : container::known_ids(host)) {
    auto row = read_row(host, id, ledger ? &*ledger : nullptr);
    if (row && *row)
      reading.rows.push_back(**std::move(row));
    else if (!row && container::status_of(host, id).running)  // else it ended while it was read
      reading.failures.push_back(fmt::format("container {}: {}", id, row.error().message));
  }
  if (looked_into != 0) {
    reading.refusals = container::last_refusals(host, looked_into);
    if (auto usage = container::usage_rows(host, looked_into))
      reading.usage = *std::move(usage);
    else if (container::status_of(host, looked_into).running)
      reading.failures.push_back(fmt::format("container {}: {}", looked_into, usage.error().message));
  }
  reading.seconds = std::chrono::duration<double>(steady_clock::now().time_since_epoch()).count();
  reading.clock = fmt::format("{:%H:%M:%S}", fmt::localtime(std::time(nullptr)));
  return reading;
}

/// False: it was the wish to end.
bool fulfil(const Host& host, TopState& state, const TopWish& wish, steady_clock::time_point& next) {
  std::vector<std::string> notes;
  switch (wish.kind) {
    case TopWish::Kind::none: return true;
    case TopWish::Kind::quit: return false;
    case TopWish::Kind::preview: take_preview(state, container::preview_limits(host, wish.id, wish.limits)); return true;
    case TopWish::Kind::apply: take_applied(state, container::set_live(host, wish.id, wish.limits, notes), notes); break;
    case TopWish::Kind::read: break;
  }
  next = {};  // seen at once
  return true;
}

struct TopOptions {
  double seconds = 1;
  bool no_mouse = false;
};

Result<> run(const Host& host, const TopOptions& options) {
  const auto interval = std::chrono::duration_cast<steady_clock::duration>(std::chrono::duration<double>{options.seconds});
  auto screen = UBC_TRY(Screen::open("top", !options.no_mouse));
  TopState state;
  for (steady_clock::time_point next{}; !screen.ended();) {
    if (steady_clock::now() >= next) {
      take_reading(state, read_all(host, state.view == TopView::container ? state.selected : 0));
      next = steady_clock::now() + interval;
    }
    const Picture picture = picture_of(state, screen.size());
    screen.draw(picture);
    const Key key = screen.key(std::chrono::ceil<std::chrono::milliseconds>(next - steady_clock::now()));
    if (!fulfil(host, state, press(state, key, screen.size(), picture.spots), next)) break;
  }
  return {};
}

int top(const Host& host, const TopOptions& options) {
  if (options.seconds < kShortest || options.seconds > kLongest)
    return fail(
        {Code::bad_value, 0, fmt::format("--interval {}: seconds between two looks, {} to {}", options.seconds, kShortest, kLongest)},
        exit_bad_value);
  const auto shown = run(host, options);
  return shown ? Screen::exit_code() : fail(shown.error());
}

}  // namespace

void add_top(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<TopOptions>();
  CLI::App* verb = app.add_subcommand("top", "all running containers on a full screen, who is nearest a barrier first; ? says the keys");
  verb->add_option("-i,--interval", options->seconds, "seconds between two looks (1)");
  verb->add_flag("--no-mouse", options->no_mouse, "leave the mouse to the terminal");
  verb->callback([&invocation, options] { invocation.exit_code = top(invocation.host, *options); });
}

}  // namespace ubc::cli

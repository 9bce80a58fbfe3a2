// SPDX-License-Identifier: Apache-2.0
// features, hooks: what concerns the whole host.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "bpf/attached_hooks.h"
#include "cli/options.h"
#include "cli/report.h"
#include "container/adopted_record.h"
#include "container/container.h"
#include "container/group.h"

namespace ubc::cli {
namespace {

using container::Host;

std::string_view state_of(const Host& host, bpf::HookGroup group) {
  if (bpf::group_attached(group, host.paths.pins)) return "attached";
  if (std::ranges::find(host.settings.counted, group) != host.settings.counted.end()) return "attached with the first container (ubc.conf)";
  return "attached with the first number on one of its resources";
}

int features(const Host& host, bool can_enforce) {
  const bpf::HookPlan plan = container::plan_hooks(host);
  if (can_enforce) return plan.can_enforce() && container::check_cgroups(host) ? exit_ok : exit_no_kernel_support;
  fmt::print("{:<13} {:<8} {}\n", "resource", "mode", "how, or why not better");
  for (const accounting::ResourceInfo& info : accounting::kResources)
    fmt::print("{:<13} {:<8} {}{}\n", info.name, bpf::name_of(plan.modes[info.resource].mode),
               plan.modes[info.resource].mode == bpf::Mode::sampled ? "by a census of /proc when shown; no hooks: " : "",
               plan.modes[info.resource].reason);
  for (const bpf::HookGroup group : bpf::kHookGroups)
    if (group != bpf::HookGroup::always) fmt::print("hooks of {}: {}\n", name_of(group), state_of(host, group));
  if (const auto cgroups = container::check_cgroups(host); !cgroups) fmt::print("cgroups: {}\n", cgroups.error().message);
  fmt::print("{}\n", plan.can_enforce()
                         ? fmt::format("This kernel {} programs of tracing kind; every exact resource is refused at its barrier.",
                                       plan.preemptible ? "may skip" : "never skips")
                         : "This kernel cannot enforce containers' limits; ./dev demo shows them in a virtual machine.");
  return exit_ok;
}

void print_programs(const std::vector<bpf::HookStatus>& programs, bool all) {
  std::uint64_t skipped = 0;
  for (const bpf::HookStatus& hook : programs) skipped += hook.recursion_misses;
  fmt::print("{} programs attached, skipped {} times{}\n", programs.size(), skipped, skipped == 0 ? "" : ":");
  const auto time = [](const bpf::HookStatus& hook) {
    return hook.runs == 0 ? "" : fmt::format(", {} runs of {} ns", hook.runs, hook.run_ns / hook.runs);
  };
  for (const bpf::HookStatus& hook : programs)
    if (all || hook.recursion_misses != 0) fmt::print("  {:<26} {}{}\n", hook.program, hook.recursion_misses, all ? time(hook) : "");
}

int hooks_status(const Host& host, const Say& say, bool all) {
  if (!bpf::hooks_attached(host.paths.pins)) {
    say("not attached: the first ubctl start attaches them");
    return exit_ok;
  }
  const auto status = bpf::read_hook_status(host.paths.pins);
  if (!status) return fail(status.error());
  print_programs(*status, all);
  if (!bpf::programs_current(host.paths.pins))
    fmt::print("They are another version's: ubctl hooks upgrade puts this one's in their place, live\n");
  for (const bpf::HookGroup group : bpf::kHookGroups)
    if (group != bpf::HookGroup::always) fmt::print("{:<26} {}\n", name_of(group), state_of(host, group));
  const auto ledger = bpf::Ledger::open(host.paths.pins);
  if (!ledger) return fail(ledger.error());
  constexpr const char* kLosses[] = {"object table full, uncounted", "object table full, refused", "refusals counted, not logged",
                                     "uncharged too much",           "frees missed, healed",       "refusals skipped",
                                     "accepted over the barrier",    "cgroups found by ancestors"};
  const ubc_health health = ledger->health();
  for (std::size_t i = 0; i < std::size(kLosses); ++i) fmt::print("{:<34} {}\n", kLosses[i], health.losses[i]);
  return exit_ok;
}

int upgrade(const Host& host, const Say& say, bool force) {
  if (!force && bpf::programs_current(host.paths.pins)) {
    say("the programs that run are this version's already; --force replaces them all the same");
    return exit_ok;
  }
  const auto replaced = container::upgrade_hooks(host);
  if (!replaced) return fail(replaced.error());
  say(fmt::format("{} programs run in the place of those before them; all counters and limits are as they were", *replaced));
  return exit_ok;
}

int detach(const Host& host) {
  for (const std::uint32_t id : container::adopted_ids(host))
    if (const auto adopted = container::read_adopted(host, id); adopted && adopted->slot != 0)
      return fail(
          {Code::bad_state, 0, fmt::format("container {} is adopted: ubctl release {} first, or nothing limits it", id, adopted->name)},
          exit_running);
  for (const std::uint32_t id : container::known_ids(host))
    if (container::running(host, id))
      return fail({Code::bad_state, 0, fmt::format("container {} is running: stop all containers first, or nothing limits them", id)},
                  exit_running);
  container::forget_group_slots(host);
  const auto detached = bpf::detach_hooks(host.paths.pins);
  return detached ? static_cast<int>(exit_ok) : fail(detached.error());
}

}  // namespace

void add_features(CLI::App& app, Invocation& invocation) {
  const auto can_enforce = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("features", "what this kernel lets ubc count and refuse, and why");
  verb->add_flag("--can-enforce", *can_enforce, "say nothing; 0 if limits are enforced here, 5 if not");
  verb->callback([&invocation, can_enforce] { invocation.exit_code = features(invocation.host, *can_enforce); });
}

void add_hooks(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("hooks", "the programs in the kernel that keep the books");
  verb->require_subcommand(1);
  verb->add_subcommand("attach", "now, rather than at the first start")->callback([&invocation] {
    const auto ledger = container::ensure_ledger(invocation.host, 0);
    invocation.exit_code = ledger ? static_cast<int>(exit_ok) : fail(ledger.error());
  });
  const auto all = std::make_shared<bool>(false);
  CLI::App* status = verb->add_subcommand("status", "what is attached, and what was skipped or lost");
  status->add_flag("--all", *all, "each program, not only those that were skipped");
  status->callback([&invocation, all] { invocation.exit_code = hooks_status(invocation.host, invocation.say, *all); });
  const auto force = std::make_shared<bool>(false);
  CLI::App* replace = verb->add_subcommand("upgrade", "put this version's programs in the place of another's, live");
  replace->add_flag("--force", *force, "even if they are the same");
  replace->callback([&invocation, force] { invocation.exit_code = upgrade(invocation.host, invocation.say, *force); });
  verb->add_subcommand("detach", "take them off a host without running containers")->callback([&invocation] {
    invocation.exit_code = detach(invocation.host);
  });
}

}  // namespace ubc::cli

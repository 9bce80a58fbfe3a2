// SPDX-License-Identifier: Apache-2.0
// events: each refusal as it happens, or those that the kernel still remembers. why: the last ones of a container, or by a group, each
// with its cure.
#include <csignal>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/options.h"
#include "cli/refusal_text.h"
#include "cli/report.h"
#include "container/container.h"
#include "container/group.h"
#include "container/refusal_json.h"
#include "container/refusals.h"

namespace ubc::cli {
namespace {

using accounting::ResourceInfo;
using container::Host;
using container::Refusal;

constexpr std::chrono::milliseconds kPoll{200};

struct EventOptions {
  bool follow = false, json = false;
};

/// Whose refusals are asked for: a container's, or those by a group's numbers; neither: all.
struct Wanted {
  std::uint32_t id = 0;
  std::string group;

  [[nodiscard]] bool includes(const Refusal& refusal) const {
    return (id == 0 || refusal.id == id) && (group.empty() || refusal.group == group);
  }
};

/// Fails where it is neither a container nor a group.
Result<Wanted> wanted_of(const Host& host, const std::string& name) {
  if (container::group_exists(host, name)) return Wanted{0, name};
  const std::uint32_t id = UBC_TRY(container::resolve_id(host, name));
  if (!container::status_of(host, id).exists) return std::unexpected(container::unknown_container(id));
  return Wanted{id, ""};
}

void print_batch(const bpf::RefusalLog::Batch& batch, const container::SlotOwners& owners, const Wanted& wanted, bool json) {
  if (batch.missed != 0) warn({fmt::format("{} refusals were overwritten before they could be read; failcnt has them", batch.missed)});
  for (const ubc_refusal& raw : batch.entries) {
    const Refusal refusal = owners.describe(raw);
    if (accounting::info_of(refusal.resource) == nullptr || !wanted.includes(refusal)) continue;
    fmt::print("{}\n", json ? container::json_of(refusal).dump() : line_of(refusal));
  }
  (void)std::fflush(stdout);
}

/// Until the reader goes away or the person has seen enough.
int follow(const Host& host, const bpf::RefusalLog& log, std::uint64_t cursor, const Wanted& wanted, bool json) {
  while (std::ferror(stdout) == 0) {
    if (log.written() != cursor) {
      const auto batch = log.since(cursor);
      cursor = batch.next;
      print_batch(batch, container::SlotOwners{host}, wanted, json);
    }
    std::this_thread::sleep_for(kPoll);
  }
  return exit_ok;
}

int events(const Host& host, const std::string& ctid, const EventOptions& options) {
  const auto wanted = ctid.empty() ? Result<Wanted>{} : wanted_of(host, ctid);
  if (!wanted) return fail(wanted.error());
  const auto log = bpf::RefusalLog::open(host.paths.pins);
  if (!log && log.error().code == Code::not_found)
    return fail({Code::bad_state, 0, "no refusals to show: the hooks are not attached, which the first ubctl start does"});
  if (!log) return fail(log.error());
  (void)std::signal(SIGPIPE, SIG_IGN);   // a reader that closes ends us by the failed write
  auto batch = log->since(0);
  batch.missed = 0;   // what is long past was not asked for
  print_batch(batch, container::SlotOwners{host}, *wanted, options.json);
  return options.follow ? follow(host, *log, batch.next, *wanted, options.json) : static_cast<int>(exit_ok);
}

std::string times(std::uint64_t count) { return fmt::format("{} time{}", count, count == 1 ? "" : "s"); }

/// What no hook refused but the kernel did (physpages, swappages): it names no program.
std::string kernel_sentence(const ResourceInfo& info, const accounting::Beancounter& counter) {
  return fmt::format("{}: hit its limit {}; the kernel says not by which program: see the guest's log for the OOM killer's words.\n",
                     info.name, times(counter.failcnt));
}

std::vector<Refusal> refusals_in(const Host& host, std::uint32_t slot, const ResourceInfo* only) {
  std::vector<Refusal> refusals = container::last_refusals_in(host, slot);
  std::erase_if(refusals, [&](const Refusal& refusal) { return only != nullptr && refusal.resource != only->resource; });
  return refusals;
}

/// failcnt of who refused.
std::uint64_t failcnt_for(const Host& host, const Refusal& refusal, const accounting::Snapshot& own) {
  if (refusal.group.empty()) return own.of(refusal.resource).failcnt;
  const auto group = container::group_snapshot(host, refusal.group);
  return group ? group->of(refusal.resource).failcnt : 0;
}

/// Of each resource that has a failcnt of which nothing has been said yet: `told` are the last refusals, those `by` the same (a container's
/// own numbers: nobody) among them.
bool tell_rest(const accounting::Snapshot& snapshot, const std::vector<Refusal>& told, std::string_view by, const ResourceInfo* only) {
  bool any = false;
  for (const ResourceInfo& info : accounting::kResources) {
    const std::uint64_t failcnt = snapshot.of(info.resource).failcnt;
    const auto last = std::ranges::find(told, info.resource, &Refusal::resource);
    if (failcnt == 0 || (only != nullptr && only != &info)) continue;
    if (last == told.end())
      fmt::print("{}", kernel_sentence(info, snapshot.of(info.resource)));
    else if (last->group != by)
      fmt::print("{}: refused by its own numbers {} before that.\n", info.name, times(failcnt));
    any = true;
  }
  return any;
}

/// `in_group`: the reader asks about the group, and wants to know whose process it was.
void tell(const Refusal& refusal, std::uint64_t failcnt, bool in_group) {
  fmt::print("{}\n    to let it pass: {}\n", sentence_of(refusal, failcnt, std::chrono::system_clock::now(), in_group),
             container::cure_line(refusal));
}

int why_container(const Host& host, std::uint32_t id, const ResourceInfo* only) {
  const auto snapshot = container::last_snapshot(host, id);
  if (!snapshot) return fail(snapshot.error());
  const auto slot = container::slot_of(host, id);
  const std::vector<Refusal> refusals = slot ? refusals_in(host, *slot, only) : std::vector<Refusal>{};
  for (const Refusal& refusal : refusals) tell(refusal, failcnt_for(host, refusal, *snapshot), false);
  const bool more = tell_rest(*snapshot, refusals, "", only);
  if (!more && refusals.empty())
    fmt::print("Container {} was refused nothing{}.\n", id, only == nullptr ? "" : fmt::format(" of {}", only->name));
  return exit_ok;
}

int why_group(const Host& host, const std::string& name, const ResourceInfo* only) {
  const auto snapshot = container::group_snapshot(host, name);
  if (!snapshot) return fail(snapshot.error());
  const std::uint32_t slot = container::read_group(host, name).slot;
  const std::vector<Refusal> refusals = slot != 0 ? refusals_in(host, slot, only) : std::vector<Refusal>{};
  for (const Refusal& refusal : refusals) tell(refusal, snapshot->of(refusal.resource).failcnt, true);
  const bool more = tell_rest(*snapshot, refusals, name, only);
  if (!more && refusals.empty())
    fmt::print("Group {} refused nothing{}.\n", name, only == nullptr ? "" : fmt::format(" of {}", only->name));
  return exit_ok;
}

int why(const Host& host, const std::string& name, const std::string& resource) {
  const auto wanted = wanted_of(host, name);
  if (!wanted) return fail(wanted.error());
  const auto only = resource.empty() ? Result<const ResourceInfo*>{nullptr} : accounting::parse_resource(resource);
  if (!only) return fail(only.error());
  return wanted->group.empty() ? why_container(host, wanted->id, *only) : why_group(host, wanted->group, *only);
}

}  // namespace

void add_events(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<EventOptions>();
  CLI::App* verb = app.add_subcommand("events", "who was refused what: the refusals that the kernel remembers, oldest first");
  verb->add_option("CTID", invocation.ctid, "only this container's, or those by this group's numbers");
  verb->add_flag("-f,--follow", options->follow, "go on with each as it happens");
  verb->add_flag("--json", options->json, "one object a line");
  verb->callback([&invocation, options] { invocation.exit_code = events(invocation.host, invocation.ctid, *options); });
}

void add_why(CLI::App& app, Invocation& invocation) {
  const auto resource = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("why", "what a container was refused last, to which program, and what would cure it");
  verb->add_option("CTID", invocation.ctid, "the container's id or name, or a group's name")->required();
  verb->add_option("RESOURCE", *resource, "only this one");
  verb->callback([&invocation, resource] { invocation.exit_code = why(invocation.host, invocation.ctid, *resource); });
}

}  // namespace ubc::cli

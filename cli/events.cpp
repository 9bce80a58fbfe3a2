// SPDX-License-Identifier: Apache-2.0
// events: each refusal as it happens, or those that the kernel still remembers. why: the last ones of a container, each with its cure.
#include <csignal>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/options.h"
#include "cli/refusal_text.h"
#include "cli/report.h"
#include "container/container.h"
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

void print_batch(const bpf::RefusalLog::Batch& batch, const container::SlotOwners& owners, std::uint32_t only, bool json) {
  if (batch.missed != 0) warn({fmt::format("{} refusals were overwritten before they could be read; failcnt has them", batch.missed)});
  for (const ubc_refusal& raw : batch.entries) {
    const Refusal refusal = owners.describe(raw);
    if (accounting::info_of(refusal.resource) == nullptr || (only != 0 && refusal.id != only)) continue;
    fmt::print("{}\n", json ? container::json_of(refusal).dump() : line_of(refusal));
  }
  (void)std::fflush(stdout);
}

/// Until the reader goes away or the person has seen enough.
int follow(const Host& host, const bpf::RefusalLog& log, std::uint64_t cursor, std::uint32_t only, bool json) {
  while (std::ferror(stdout) == 0) {
    if (log.written() != cursor) {
      const auto batch = log.since(cursor);
      cursor = batch.next;
      print_batch(batch, container::SlotOwners{host}, only, json);
    }
    std::this_thread::sleep_for(kPoll);
  }
  return exit_ok;
}

int events(const Host& host, const std::string& ctid, const EventOptions& options) {
  std::uint32_t only = 0;
  if (!ctid.empty()) {
    const auto id = container::resolve_id(host, ctid);
    if (!id) return fail(id.error());
    if (!container::status_of(host, *id).exists) return fail(container::unknown_container(*id));
    only = *id;
  }
  const auto log = bpf::RefusalLog::open(host.paths.pins);
  if (!log && log.error().code == Code::not_found)
    return fail({Code::bad_state, 0, "no refusals to show: the hooks are not attached, which the first ubctl start does"});
  if (!log) return fail(log.error());
  (void)std::signal(SIGPIPE, SIG_IGN);   // a reader that closes ends us by the failed write
  auto batch = log->since(0);
  batch.missed = 0;   // what is long past was not asked for
  print_batch(batch, container::SlotOwners{host}, only, options.json);
  return options.follow ? follow(host, *log, batch.next, only, options.json) : static_cast<int>(exit_ok);
}

/// What no hook refused but the kernel did (physpages, swappages): it names no program.
std::string kernel_sentence(const ResourceInfo& info, const accounting::Beancounter& counter) {
  return fmt::format("{}: hit its limit {} time{}; the kernel says not by which program: see the guest's log for the OOM killer's words.\n",
                     info.name, counter.failcnt, counter.failcnt == 1 ? "" : "s");
}

int why(const Host& host, std::uint32_t id, const std::string& resource) {
  if (!container::status_of(host, id).exists) return fail(container::unknown_container(id));
  const auto only = resource.empty() ? Result<const ResourceInfo*>{nullptr} : accounting::parse_resource(resource);
  if (!only) return fail(only.error());
  const auto snapshot = container::last_snapshot(host, id);
  if (!snapshot) return fail(snapshot.error());
  std::vector<Refusal> refusals = container::last_refusals(host, id);
  std::erase_if(refusals, [&](const Refusal& refusal) { return *only != nullptr && refusal.resource != (*only)->resource; });
  for (const Refusal& refusal : refusals)
    fmt::print("{}\n    to let it pass: {}\n",
               sentence_of(refusal, snapshot->of(refusal.resource).failcnt, std::chrono::system_clock::now()),
               container::cure_line(refusal));
  bool any = !refusals.empty();
  for (const ResourceInfo& info : accounting::kResources) {
    const bool told = std::ranges::find(refusals, info.resource, &Refusal::resource) != refusals.end();
    if (told || snapshot->of(info.resource).failcnt == 0 || (*only != nullptr && *only != &info)) continue;
    fmt::print("{}", kernel_sentence(info, snapshot->of(info.resource)));
    any = true;
  }
  if (!any) fmt::print("Container {} was refused nothing{}.\n", id, *only == nullptr ? "" : fmt::format(" of {}", (*only)->name));
  return exit_ok;
}

}  // namespace

void add_events(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<EventOptions>();
  CLI::App* verb = app.add_subcommand("events", "who was refused what: the refusals that the kernel remembers, oldest first");
  verb->add_option("CTID", invocation.ctid, "only this container's");
  verb->add_flag("-f,--follow", options->follow, "go on with each as it happens");
  verb->add_flag("--json", options->json, "one object a line");
  verb->callback([&invocation, options] { invocation.exit_code = events(invocation.host, invocation.ctid, *options); });
}

void add_why(CLI::App& app, Invocation& invocation) {
  const auto resource = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("why", "what a container was refused last, to which program, and what would cure it");
  add_ctid(*verb, invocation);
  verb->add_option("RESOURCE", *resource, "only this one");
  on_parsed(*verb, invocation, [resource](const Host& host, std::uint32_t id) { return why(host, id, *resource); });
}

}  // namespace ubc::cli

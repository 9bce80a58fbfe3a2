// SPDX-License-Identifier: Apache-2.0
// suspend, resume.
#include "cli/options.h"
#include "cli/report.h"
#include "container/container.h"
#include "container/suspension.h"

namespace ubc::cli {
namespace {

using container::Host;

int change(const Host& host, const Say& say, std::uint32_t id, const char* verb, Result<> (*change)(const Host&, std::uint32_t),
           const char* done) {
  if (!container::status_of(host, id).exists) return fail(container::unknown_container(id));
  const auto lock = container::lock_container(host, id, verb);
  if (!lock) return fail(lock.error());
  const bool running = container::status_of(host, id).running;
  if (const auto changed = change(host, id); !changed)
    return fail(changed.error(), changed.error().code != Code::bad_state ? exit_of(changed.error())
                                                                         : static_cast<int>(running ? exit_running : exit_not_running));
  say(done);
  return exit_ok;
}

}  // namespace

void add_suspend(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("suspend", "stop all its processes where they are; its memory stays");
  add_ctid(*verb, invocation);
  on_parsed(*verb, invocation, [&say = invocation.say](const Host& host, std::uint32_t id) {
    return change(host, say, id, "suspend", container::suspend, "Container was suspended");
  });
}

void add_resume(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("resume", "let a suspended container go on");
  add_ctid(*verb, invocation);
  on_parsed(*verb, invocation, [&say = invocation.say](const Host& host, std::uint32_t id) {
    return change(host, say, id, "resume", container::resume, "Container was resumed");
  });
}

}  // namespace ubc::cli

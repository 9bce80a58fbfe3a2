// SPDX-License-Identifier: Apache-2.0
// A container: a beancounter, a cgroup and a guest. The one place that knows all three, so that every program does the same thing in the
// same order: the beancounter first, then what it pays for.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "accounting/beancounter.h"
#include "accounting/config_file.h"
#include "container/container_record.h"
#include "container/host.h"
#include "isolate/enter.h"
#include "isolate/template_store.h"
#include "os/result.h"

namespace ubc::container {

[[nodiscard]] isolate::TemplateStore templates_of(const Host& host);

/// For an id that has neither configuration nor private area.
[[nodiscard]] Error unknown_container(std::uint32_t id);

struct Status {
  bool exists = false;    ///< it has a private area and a configuration
  bool running = false;
  bool mounted = false;   ///< it runs, or the host sees its tree
};
[[nodiscard]] Status status_of(const Host& host, std::uint32_t id);
/// The first of the two.
[[nodiscard]] bool has_files(const Host& host, std::uint32_t id);

/// The pid and pidfd of a running guest's process 1. Fails with Code::bad_state where it does not run.
struct Running {
  RunRecord record;
  os::Fd pidfd;
};
[[nodiscard]] Result<Running> running(const Host& host, std::uint32_t id);

/// Held by every command that changes a container; with it taken, what an interrupted command left is mended. Fails with Code::busy.
[[nodiscard]] Result<os::Fd> lock_container(const Host& host, std::uint32_t id, std::string_view what);

/// Private area and configuration. `config` is what the file shall hold; without `fill`, besides OSTEMPLATE. Undoes itself on failure.
/// Fails with Code::exists, Code::not_found (template), Code::bad_value, and as `fill`.
[[nodiscard]] Result<> create(const Host& host, std::uint32_t id, const std::string& ostemplate, accounting::ConfigFile config,
                              const AreaFill& fill = {});
/// What it lies over; init and stop are its own where its private area says them (AREA/info).
[[nodiscard]] Result<isolate::TemplateInfo> lower_of(const Host& host, std::uint32_t id);

struct StartOptions {
  bool force = false;   ///< even if it is disabled, or this kernel can't count or refuse
};
/// Returns when the guest's init has been exec'd. The lock is held by the caller, who knows that it does not run. Fails with
/// Code::bad_state where it is disabled, with Code::busy where the host has it mounted and somebody is in it. What it has to say besides
/// goes to `notes`.
[[nodiscard]] Result<> start(const Host& host, std::uint32_t id, const StartOptions& options, std::vector<std::string>& notes);

/// Gracefully, then by force after the timeout (or at once: `fast`). Returns when no process and no cgroup is left; that it had to be by
/// force goes to `notes`. Fails with Code::bad_state where it does not run.
[[nodiscard]] Result<> stop(const Host& host, std::uint32_t id, bool fast, std::vector<std::string>& notes);

/// Removes the private area; the configuration becomes <id>.conf.destroyed. Fails with Code::bad_state where it runs, Code::exists where
/// the host has it mounted, Code::not_found.
[[nodiscard]] Result<> destroy(const Host& host, std::uint32_t id);

/// Runs a program inside (see isolate::run_in_guest) and returns its exit status. `input`: its standard input; 0: the caller's. Fails with
/// Code::bad_state where it does not run.
[[nodiscard]] Result<int> exec(const Host& host, std::uint32_t id, const std::vector<std::string>& command, bool terminal, int input = 0);

/// Does something inside as the guest's root, instead of a program (see isolate::act_in_guest). Fails with Code::bad_state where it does
/// not run, or is suspended.
[[nodiscard]] Result<> act(const Host& host, std::uint32_t id, const std::function<Result<>()>& what);

/// What an interrupted start or a guest that ended by itself left: processes, cgroups, the record. The lock is held. True if there was
/// anything.
[[nodiscard]] Result<bool> reconcile(const Host& host, std::uint32_t id);

/// Counters as they are now; a stopped container has the limits of its configuration and nothing held.
[[nodiscard]] Result<accounting::Snapshot> snapshot(const Host& host, std::uint32_t id);
/// The same for a running container; for a stopped one the counters as its last run left them, until its next start or the host's.
[[nodiscard]] Result<accounting::Snapshot> last_snapshot(const Host& host, std::uint32_t id);

}  // namespace ubc::container

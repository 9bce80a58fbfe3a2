// SPDX-License-Identifier: Apache-2.0
// What the API and the console see of the host, and do to it: ubcd has the real one (host_world.h), tests make one up.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "container/limit_change.h"
#include "container/refusals.h"
#include "exporter/reading.h"
#include "os/result.h"

namespace ubc::exporter {

struct WorldReading {
  HostReading host;
  std::vector<ContainerReading> stopped;   ///< with their configuration's numbers, and nothing held
};

struct FoundContainer {
  const ContainerReading& container;   ///< of the reading
  bool running;
};
/// By id or by name. Fails with Code::not_found.
[[nodiscard]] Result<FoundContainer> find_in(const WorldReading& reading, std::string_view text);

struct AboutHost {
  std::string hostname, kernel;
  unsigned cpus = 0;
  std::uint64_t memory_bytes = 0;
};

struct RefusalNews {
  std::vector<container::Refusal> refusals;   ///< oldest first
  std::uint64_t next = 0;                     ///< the cursor to go on with
  std::uint64_t missed = 0;                   ///< overwritten before this reader came
};

/// A command of ubctl's, and nothing else: its verb, the container, what the verb takes besides.
struct Action {
  std::string verb;   ///< set, start, stop, restart
  std::uint32_t id = 0;
  std::vector<std::string> arguments;
};
struct ActionResult {
  int status = 0;                   ///< ubctl's exit code
  std::string output, complaints;   ///< its standard output, its standard error
};

class World {
 public:
  World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  virtual ~World() = default;

  [[nodiscard]] virtual AboutHost about() = 0;
  [[nodiscard]] virtual WorldReading read() = 0;
  /// container::usage_rows().
  [[nodiscard]] virtual Result<std::vector<accounting::UsageRow>> usage(std::uint32_t id) = 0;
  /// The last refusal of each resource, latest first.
  [[nodiscard]] virtual std::vector<container::Refusal> last_refusals(std::uint32_t id) = 0;
  /// Of all containers; cursor 0: all that the kernel remembers.
  [[nodiscard]] virtual RefusalNews refusals_since(std::uint64_t cursor) = 0;
  /// container::preview_limits().
  [[nodiscard]] virtual Result<std::vector<container::LimitChange>> preview(std::uint32_t id, const accounting::AllLimits& changes) = 0;
  /// Calls `done` later, or at once. Only one that may change things has it.
  virtual void act(const Action& action, std::function<void(ActionResult)> done) = 0;
};

}  // namespace ubc::exporter

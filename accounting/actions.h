// SPDX-License-Identifier: Apache-2.0
// What shall happen besides a refusal, and when: ACTIONS="numproc:refusal:log numfile:90%:exec=/usr/local/sbin/tell" of a configuration.
// Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/beancounter.h"
#include "os/result.h"

namespace ubc::accounting {

enum class ActionKind {
  log,      ///< a line
  signal,   ///< to the process that was refused
  freeze,   ///< the whole container
  exec,     ///< a program of the host's
  post,     ///< JSON to a URL
};

struct Action {
  ubc_resource resource{};
  unsigned percent = 0;       ///< of the barrier, or of the limit where the barrier is 0 or unlimited; 0: at a refusal
  ActionKind kind{};
  std::string argument;       ///< program or URL
  int signal = 0;
  bool operator==(const Action&) const = default;
};

/// RESOURCE:WHEN:WHAT items between blanks. WHEN is refusal, barrier (100 %) or N%; WHAT is log, signal=NAME|NUMBER, freeze, exec=/PROGRAM
/// or post=URL. Fails with Code::bad_value and the item.
[[nodiscard]] Result<std::vector<Action>> parse_actions(std::string_view text);

/// Whether held has come to the action's mark; never where the resource is unlimited.
[[nodiscard]] bool reaches_mark(const Action& action, const Beancounter& counter);

/// Remembers what has happened, so that a thousand refusals are one occasion, and the next one after a quiet time is another.
class ActionTriggers {
 public:
  using Clock = std::chrono::steady_clock;
  /// A refusal is the first again after so long without one.
  static constexpr std::chrono::seconds kQuiet{60};

  /// Of the container's actions those that fall due by a refusal of this resource now.
  [[nodiscard]] std::vector<Action> on_refusal(std::uint32_t id, const std::vector<Action>& actions, ubc_resource resource,
                                               Clock::time_point now);
  /// ... and by what it holds. A mark is armed again when held has gone 5 % below it.
  [[nodiscard]] std::vector<Action> on_reading(std::uint32_t id, const std::vector<Action>& actions, const Snapshot& counters);
  /// The container is gone.
  void forget(std::uint32_t id);

 private:
  struct Mark {
    std::uint32_t id;
    ubc_resource resource;
    unsigned percent;
    auto operator<=>(const Mark&) const = default;
  };
  std::map<Mark, Clock::time_point> refused_;   ///< the latest refusal; its percent is 0
  std::map<Mark, bool> crossed_;
};

}  // namespace ubc::accounting

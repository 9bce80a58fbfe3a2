// SPDX-License-Identifier: Apache-2.0
// What listeners are told as it happens: containers that changed, the one that they watch, refusals, commands that were done. Without a
// listener nothing is read but the hour's samples.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "exporter/event_stream.h"
#include "exporter/history.h"
#include "exporter/world.h"

namespace ubc::exporter {

class Live {
 public:
  static constexpr std::chrono::milliseconds kTick{2000};        ///< between two readings for listeners
  static constexpr std::chrono::milliseconds kRefusalPoll{500};

  explicit Live(World& world, const EventHub::Bounds& bounds = {}) : world_{world}, hub_{bounds} {}

  /// nullptr: there are as many as may be. `watched`: of this one all rows too; 0: of none.
  [[nodiscard]] std::shared_ptr<EventStream> subscribe(std::uint32_t watched);
  [[nodiscard]] const History& history() const { return history_; }
  [[nodiscard]] const EventHub& hub() const { return hub_; }

  /// Every kTick: a "containers" event with what changed since the last, and "container" and "usage" for those who watch one.
  void tick();
  /// Every kRefusalPoll: a "refusal" event each, or "missed" where they were too many.
  void poll_refusals();
  /// Every History::kInterval.
  void sample(const Moment& now);
  /// Sees each of these readings, too.
  void on_sample(std::function<void(const HostReading&)> look) { sampled_ = std::move(look); }
  /// A command of somebody's is done: all look again, at once.
  void tell_action(const std::string& verb, std::uint32_t id, const std::string& by, bool done);
  void close_all() { hub_.close_all(); }

 private:
  struct Watcher {
    std::weak_ptr<EventStream> stream;
    std::uint32_t id;
  };
  void tell_changes(const WorldReading& reading);
  void tell_watchers(const WorldReading& reading);

  World& world_;
  EventHub hub_;
  History history_;
  std::function<void(const HostReading&)> sampled_ = [](const HostReading&) {};
  std::vector<Watcher> watchers_;
  std::map<std::uint32_t, std::string> told_;   ///< each container's summary, as the listeners have it
  std::uint64_t refusals_told_ = 0;
};

}  // namespace ubc::exporter

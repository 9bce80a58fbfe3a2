// SPDX-License-Identifier: Apache-2.0
// Server-sent events, without the wire: what is said, and to whom; who reads too slowly is let go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ubc::exporter {

/// One listener's queue.
class EventStream {
 public:
  explicit EventStream(std::size_t most_bytes) : most_bytes_{most_bytes} {}

  /// One event: "event: NAME\ndata: …". More than the listener may have waiting closes the stream instead.
  void push(std::string_view event, std::string_view data);
  /// What waits; nothing waits then.
  [[nodiscard]] std::string take();
  void close();
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] bool overrun() const { return overrun_; }
  /// Called when there is something to take, or it was closed.
  void on_ready(std::function<void()> ready) { ready_ = std::move(ready); }

 private:
  std::size_t most_bytes_;
  std::string waiting_;
  std::function<void()> ready_;
  bool closed_ = false, overrun_ = false;
};

/// All listeners, at most so many.
class EventHub {
 public:
  struct Bounds {
    std::size_t streams = 16;
    std::size_t waiting_bytes = 1U << 20U;   ///< of one listener
  };
  EventHub() : EventHub(Bounds{}) {}
  explicit EventHub(const Bounds& bounds) : bounds_{bounds} {}

  /// nullptr: there are as many as may be.
  [[nodiscard]] std::shared_ptr<EventStream> subscribe();
  void publish(std::string_view event, std::string_view data);
  [[nodiscard]] std::size_t listeners() const;
  /// Of whom a slow one was let go, ever.
  [[nodiscard]] std::uint64_t overruns() const { return overruns_; }
  /// Each is to come again: who may listen has changed, say.
  void close_all();

 private:
  void sweep();

  Bounds bounds_;
  std::vector<std::weak_ptr<EventStream>> streams_;
  std::uint64_t overruns_ = 0;
};

}  // namespace ubc::exporter

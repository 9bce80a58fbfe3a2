// SPDX-License-Identifier: Apache-2.0
#include "exporter/event_stream.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ubc::exporter {

void EventStream::push(std::string_view event, std::string_view data) {
  if (closed_) return;
  waiting_ += fmt::format("event: {}\ndata: {}\n\n", event, data);
  if (waiting_.size() > most_bytes_) {
    overrun_ = true;
    waiting_.clear();
    return close();
  }
  if (ready_) ready_();
}

std::string EventStream::take() { return std::exchange(waiting_, {}); }

void EventStream::close() {
  closed_ = true;
  if (ready_) ready_();
}

void EventHub::sweep() {
  std::erase_if(streams_, [](const std::weak_ptr<EventStream>& stream) {
    const auto listener = stream.lock();
    return !listener || listener->closed();
  });
}

std::shared_ptr<EventStream> EventHub::subscribe() {
  sweep();
  if (streams_.size() >= bounds_.streams) return nullptr;
  auto stream = std::make_shared<EventStream>(bounds_.waiting_bytes);
  streams_.push_back(stream);
  return stream;
}

void EventHub::publish(std::string_view event, std::string_view data) {
  for (const auto& stream : streams_)
    if (const auto listener = stream.lock(); listener && !listener->closed()) {
      listener->push(event, data);
      overruns_ += listener->overrun() ? 1U : 0U;
    }
  sweep();
}

std::size_t EventHub::listeners() const {
  return static_cast<std::size_t>(std::ranges::count_if(streams_, [](const std::weak_ptr<EventStream>& stream) {
    const auto listener = stream.lock();
    return listener && !listener->closed();
  }));
}

void EventHub::close_all() {
  for (const auto& stream : streams_)
    if (const auto listener = stream.lock()) listener->close();
  sweep();
}

}  // namespace ubc::exporter

// SPDX-License-Identifier: Apache-2.0
#include "exporter/live.h"

#include <algorithm>

#include "exporter/api_json.h"

namespace ubc::exporter {
namespace {

/// More at once is a storm: the count says enough.
constexpr std::size_t kMostRefusals = 100;

template <typename Visit>
void each_container(const WorldReading& reading, const Visit& visit) {
  for (const ContainerReading& container : reading.host.running) visit(container, true);
  for (const ContainerReading& container : reading.stopped) visit(container, false);
}

}  // namespace

std::shared_ptr<EventStream> Live::subscribe(std::uint32_t watched) {
  const bool first = hub_.listeners() == 0;
  auto stream = hub_.subscribe();
  if (!stream) return nullptr;
  if (first) refusals_told_ = world_.refusals_since(refusals_told_).next;   // what was before, it may ask for
  told_.clear();   // the next tick tells all: the new one has nothing
  if (watched != 0) watchers_.push_back({stream, watched});
  return stream;
}

void Live::tick() {
  if (hub_.listeners() == 0) return;
  const WorldReading reading = world_.read();
  tell_changes(reading);
  tell_watchers(reading);
}

void Live::tell_changes(const WorldReading& reading) {
  Json changed = Json::array(), gone = Json::array();
  std::map<std::uint32_t, std::string> now;
  each_container(reading, [&](const ContainerReading& container, bool running) {
    Json summary = summary_of(container, running);
    std::string& text = now[container.id] = text_of(summary);
    const auto before = told_.find(container.id);
    if (before == told_.end() || before->second != text) changed.push_back(std::move(summary));
  });
  for (const auto& [id, text] : told_)
    if (!now.contains(id)) gone.push_back(id);
  told_ = std::move(now);
  if (changed.empty() && gone.empty()) return;
  hub_.publish("containers", text_of(Json{{"changed", std::move(changed)}, {"gone", std::move(gone)}}));
}

void Live::tell_watchers(const WorldReading& reading) {
  std::erase_if(watchers_, [](const Watcher& watcher) {
    const auto stream = watcher.stream.lock();
    return !stream || stream->closed();
  });
  each_container(reading, [&](const ContainerReading& container, bool running) {
    if (std::ranges::find(watchers_, container.id, &Watcher::id) == watchers_.end()) return;
    const std::string details = text_of(details_of(container, running));
    const auto rows = world_.usage(container.id);   // one that ends meanwhile has none
    const std::string usage = rows ? text_of(usage_of(Moment::now(), *rows)) : "";
    for (const Watcher& watcher : watchers_) {
      const auto stream = watcher.stream.lock();
      if (!stream || watcher.id != container.id) continue;
      stream->push("container", details);
      if (rows) stream->push("usage", usage);
    }
  });
}

void Live::poll_refusals() {
  if (hub_.listeners() == 0) return;
  const RefusalNews news = world_.refusals_since(refusals_told_);
  refusals_told_ = news.next;
  std::size_t left = news.refusals.size();
  const std::uint64_t skipped = left > kMostRefusals ? left - kMostRefusals : 0;
  if (skipped + news.missed != 0) hub_.publish("missed", text_of(Json{{"refusals", skipped + news.missed}}));
  for (const container::Refusal& refusal : news.refusals)
    if (left-- <= kMostRefusals) hub_.publish("refusal", text_of(refusal_of(refusal)));
}

void Live::sample(const Moment& now) {
  const WorldReading reading = world_.read();
  history_.sample(now, reading.host);
  sampled_(reading.host);
}

void Live::tell_action(const std::string& verb, std::uint32_t id, const std::string& by, bool done) {
  hub_.publish("action", text_of(Json{{"verb", verb}, {"ctid", id}, {"by", by}, {"done", done}}));
  tick();
}

}  // namespace ubc::exporter

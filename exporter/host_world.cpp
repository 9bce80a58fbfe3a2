// SPDX-License-Identifier: Apache-2.0
#include "exporter/host_world.h"

#include <sys/utsname.h>

#include <algorithm>
#include <thread>

#include "accounting/config_file.h"
#include "accounting/host_memory.h"
#include "container/container.h"
#include "container/tuning.h"
#include "container/usage.h"

namespace ubc::exporter {
namespace {

/// nullopt: it is no container, but the remains of one.
std::optional<ContainerReading> read_stopped(const container::Host& host, std::uint32_t id) {
  const auto config = accounting::ConfigFile::load(host.paths.config_of(id));
  if (!config || !container::status_of(host, id).exists) return std::nullopt;
  ContainerReading stopped;
  stopped.id = id;
  stopped.name = config->get("NAME").value_or("");
  stopped.hostname = config->get("HOSTNAME").value_or("");
  stopped.ostemplate = config->get("OSTEMPLATE").value_or("");
  if (const auto counters = container::last_snapshot(host, id)) stopped.counters = *counters;
  return stopped;
}

}  // namespace

AboutHost HostWorld::about() {
  utsname seen{};
  (void)::uname(&seen);
  const auto memory = accounting::read_host_memory(host_.paths.proc + "/meminfo");
  return {seen.nodename, seen.release, std::thread::hardware_concurrency(), memory ? memory->ram_bytes : 0};
}

WorldReading HostWorld::read() {
  WorldReading reading{read_host(host_, CollectorSet::usual()), {}};
  for (const std::uint32_t id : container::known_ids(host_)) {
    if (std::ranges::find(reading.host.running, id, &ContainerReading::id) != reading.host.running.end()) continue;
    if (auto stopped = read_stopped(host_, id)) reading.stopped.push_back(*std::move(stopped));
  }
  return reading;
}

Result<std::vector<accounting::UsageRow>> HostWorld::usage(std::uint32_t id) { return container::usage_rows(host_, id); }

std::vector<container::Refusal> HostWorld::last_refusals(std::uint32_t id) { return container::last_refusals(host_, id); }

RefusalNews HostWorld::refusals_since(std::uint64_t cursor) {
  const auto log = bpf::RefusalLog::open(host_.paths.pins);   // each time: hooks that were attached anew have another one
  if (!log) return {};
  if (log->written() < cursor) cursor = 0;
  if (log->written() == cursor) return {{}, cursor, 0};
  const auto batch = log->since(cursor);
  RefusalNews news{{}, batch.next, cursor == 0 ? 0 : batch.missed};
  const container::SlotOwners owners{host_};
  for (const ubc_refusal& raw : batch.entries) {
    container::Refusal refusal = owners.describe(raw);
    if (accounting::info_of(refusal.resource) != nullptr) news.refusals.push_back(std::move(refusal));
  }
  return news;
}

Result<std::vector<container::LimitChange>> HostWorld::preview(std::uint32_t id, const accounting::AllLimits& changes) {
  return container::preview_limits(host_, id, changes);
}

void HostWorld::act(const Action& action, std::function<void(ActionResult)> done) {
  if (runner_ == nullptr) return done({126, "", "this ubcd only reads: start it with --admin"});
  runner_->run(action, std::move(done));
}

}  // namespace ubc::exporter

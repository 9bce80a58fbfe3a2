// SPDX-License-Identifier: Apache-2.0
// The hot families: of a thousand containers they are a hundred thousand series.

#include "exporter/family_parts.h"

namespace ubc::exporter {
namespace {

using accounting::Beancounter;
using accounting::kResources;
using accounting::ResourceInfo;
using accounting::Unit;
using enum Kind;

/// held, maxheld, barrier, limit, each once in items and once in bytes.
struct Part {
  std::string_view in_items, in_bytes;
  std::string_view help;
  std::uint64_t Beancounter::* member;
};
constexpr Part kParts[] = {
    {"ubc_held_items", "ubc_held_bytes", "What the container holds of the resource now", &Beancounter::held},
    {"ubc_maxheld_items", "ubc_maxheld_bytes", "The most that it has held since its start", &Beancounter::maxheld},
    {"ubc_barrier_items", "ubc_barrier_bytes", "Above it most charges are refused; no series: unlimited", &Beancounter::barrier},
    {"ubc_limit_items", "ubc_limit_bytes", "Above it every charge is refused; no series: unlimited", &Beancounter::limit},
};

/// Calls `sample` with the labels and the counter of each container and known resource.
void for_each_counter(const HostReading& host, const Subjects& subjects, auto sample) {
  for (std::size_t c = 0; c < host.running.size(); ++c)
    for (std::size_t r = 0; r < kResources.size(); ++r)
      if (is_known(host.running[c], kResources[r]))
        sample(subjects.containers[c], subjects.resources[r], kResources[r], host.running[c].counters.of(kResources[r].resource));
}

void write_part(const HostReading& host, const Subjects& subjects, const Part& part, bool items, Exposition& out) {
  if (!out.family(items ? part.in_items : part.in_bytes, gauge, part.help)) return;
  for_each_counter(host, subjects, [&](const Labels& container, const Labels& resource, const ResourceInfo& info, const Beancounter& now) {
    const std::uint64_t amount = now.*part.member;
    if ((info.unit == Unit::items) != items || amount == UBC_UNLIMITED) return;
    if (info.unit != Unit::pages)
      out.sample(container, resource, amount);
    else if (amount <= UBC_UNLIMITED / accounting::kPageSize)
      out.sample(container, resource, amount * accounting::kPageSize);
    else
      out.sample(container, resource, static_cast<double>(amount) * static_cast<double>(accounting::kPageSize));
  });
}

}  // namespace

void write_beancounters(const HostReading& host, const Subjects& subjects, Exposition& out) {
  for (const Part& part : kParts)
    for (const bool items : {true, false}) write_part(host, subjects, part, items, out);
  if (!out.family("ubc_failures_total", counter, "Charges that were refused since the container's start (failcnt)")) return;
  for_each_counter(host, subjects, [&](const Labels& container, const Labels& resource, const ResourceInfo&, const Beancounter& now) {
    out.sample(container, resource, now.failcnt);
  });
}

void write_crossings(const HostReading& host, const Subjects& subjects, const Crossings& crossings, Exposition& out) {
  if (!out.family("ubc_barrier_crossings_total", counter, "Times that held was seen to have risen above its barrier: at least so many"))
    return;
  for (std::size_t c = 0; c < host.running.size(); ++c)
    for (std::size_t r = 0; r < kResources.size(); ++r)
      if (const auto times = crossings.of(host.running[c].id, kResources[r].resource))
        out.sample(subjects.containers[c], subjects.resources[r], *times);
}

void write_last_refusals(const HostReading& host, const Subjects& subjects, Exposition& out) {
  if (!out.family("ubc_last_failure_timestamp_seconds", gauge, "When the last charge was refused, in seconds since the epoch")) return;
  for (std::size_t c = 0; c < host.running.size(); ++c)
    for (std::size_t r = 0; r < kResources.size(); ++r)
      if (const auto& at = host.running[c].last_refused[kResources[r].resource])
        out.sample(subjects.containers[c], subjects.resources[r], *at);
}

}  // namespace ubc::exporter

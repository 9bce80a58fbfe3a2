// SPDX-License-Identifier: Apache-2.0
#include "tests/support/made_up_host.h"

#include <memory>
#include <utility>

namespace ubc::test {
namespace {

using exporter::ContainerReading;
using exporter::ContainerUsage;

ContainerUsage usage_of_guest() {
  ContainerUsage usage;
  usage.cpu = {.user = 1.5, .system = 2.25, .throttling = {{.periods = 50, .throttled_periods = 17, .throttled = 3.5}}};
  usage.share = {.weight = 79, .limit_cores = 1.25};
  usage.memory_events = {{"high", 31}, {"oom_kill", 32}};
  usage.pressures = {{"cpu", {.some = 4.5, .full = {}}}, {"memory", {.some = 5.5, .full = 0.75}}};
  usage.block_io = {{.device = "8:0", .read_bytes = 41, .written_bytes = 42, .reads = 43, .writes = 44}};
  usage.disk = {{61440, 1048576, 2097152}, {62, 100, 110}};
  usage.refused = {.spoofed = 71, .denied = 72, .over_rate = 73, .rates = {}};
  usage.traffic = {{.device = "eth0",
                    .received_bytes = 51,
                    .received_packets = 52,
                    .received_errors = 53,
                    .received_drops = 54,
                    .sent_bytes = 55,
                    .sent_packets = 56,
                    .sent_errors = 57,
                    .sent_drops = 58}};
  return usage;
}

ContainerReading guest() {
  ContainerReading guest{.id = 101,
                         .name = "web",
                         .hostname = "www.example.com",
                         .ostemplate = "busybox",
                         .cgroup = "/c/101",
                         .group = "shops",
                         .counted_by_hooks = true,
                         .started_at = 1700000001};
  guest.counters.of(UBC_NUMPROC) = {.held = 11, .maxheld = 12, .barrier = 13, .limit = 14, .failcnt = 15};
  guest.counters.of(UBC_PRIVVMPAGES) = {.held = 2, .maxheld = 3, .barrier = 4, .failcnt = 6};
  guest.counters.of(UBC_KMEMSIZE) = {.held = 4097, .maxheld = 4098, .failcnt = 0};
  guest.counters.of(UBC_PHYSPAGES).limit = 77;
  guest.last_refused[UBC_NUMPROC] = 1700000099.125;
  guest.usage = usage_of_guest();
  return guest;
}

ContainerReading adopted() {
  ContainerReading adopted;
  adopted.id = 2000000007;
  adopted.name = "po\"d\n";
  adopted.adopted = true;
  adopted.counters.of(UBC_NUMPROC).held = 21;
  adopted.counters.of(UBC_PHYSPAGES) = {.held = 5, .maxheld = 7};
  adopted.usage.suspended = true;
  return adopted;
}

}  // namespace

MadeUpHost two_containers() {
  MadeUpHost made_up;
  made_up.host.running.push_back(guest());
  made_up.host.running.push_back(adopted());
  made_up.host.stopped = {102};
  made_up.host.totals = {.memory = {.ram_bytes = 8192000, .swap_bytes = 4096000, .low_bytes = 8192000},
                         .cpus = 6,
                         .pressures = {{"io", {.some = 6.5, .full = 0.25}}}};
  made_up.own.read_seconds = 0.5;
  made_up.own.kernel = "6.12.1";
  made_up.own.reload = {.successful = true, .at = 1700000077};
  return made_up;
}

MadeUpHost full_host() {
  MadeUpHost made_up = two_containers();
  exporter::HooksReading hooks;
  for (unsigned i = 0; i < UBC_LOSSES; ++i) hooks.health.losses[i] = 100 + i;
  hooks.health.overflow_records = 9;
  hooks.programs = {{"charge_numproc", 31, 8, 2500}, {"free_file", 4, 6, 0}};
  hooks.audited_misses = 30;
  hooks.events = 61;
  made_up.host.hooks = std::move(hooks);
  made_up.host.audit = container::LedgerAudit{.at = 1700000055.5,
                                              .seconds = 0.375,
                                              .sums = {{UBC_NUMPROC, {.held = 9, .found = 11, .missed = 3, .drift = -2}},
                                                       {UBC_PRIVVMPAGES, {.held = 8, .found = 7, .missed = 0, .drift = 1}}},
                                              .drifting = {}};
  made_up.own.crossings = std::make_shared<exporter::Crossings>();
  exporter::HostReading before = made_up.host;
  made_up.own.crossings->look(before);
  before.running[0].counters.of(UBC_NUMPROC) = {.held = 14, .maxheld = 14, .barrier = 13};  // 12 is the highest that the host itself knows
  made_up.own.crossings->look(before);
  auto abilities = std::make_shared<exporter::Abilities>();
  bpf::KernelSupport& kernel = abilities->kernel;
  for (bpf::Ability* missing : {&kernel.btf, &kernel.lsm, &kernel.lsm_file_alloc, &kernel.fmod_ret, &kernel.fentry, &kernel.iterators})
    missing->reason = "made up without";
  kernel.kprobe.present = true;
  abilities->kernel.preemptible = false;
  abilities->memory_controller = true;
  abilities->plan = bpf::decide_hooks(abilities->kernel, abilities->memory_controller);
  made_up.own.abilities = std::move(abilities);
  return made_up;
}

}  // namespace ubc::test

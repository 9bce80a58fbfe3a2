// SPDX-License-Identifier: Apache-2.0
#include "tests/support/made_up_world.h"

#include <algorithm>

namespace ubc::test {

using accounting::Beancounter;
using exporter::ContainerReading;

ContainerReading* MadeUpWorld::find(std::uint32_t id) {
  const auto found = std::ranges::find(now.host.running, id, &ContainerReading::id);
  return found == now.host.running.end() ? nullptr : &*found;
}

Result<std::vector<accounting::UsageRow>> MadeUpWorld::usage(std::uint32_t id) {
  const ContainerReading* container = find(id);
  if (container == nullptr) return std::vector<accounting::UsageRow>{};
  const exporter::ContainerUsage& used = container->usage;
  auto rows = used.disk ? accounting::disk_rows(*used.disk) : std::vector<accounting::UsageRow>{};
  const bool limited = id % 2 == 1;
  const auto append = [&](const std::vector<accounting::UsageRow>& more) { rows.insert(rows.end(), more.begin(), more.end()); };
  append(accounting::cpu_rows(*used.cpu, used.share));
  append(accounting::io_rows(used.block_io, limited ? accounting::IoLimits{{20 << 20}, {8 << 20}, {}, {}} : accounting::IoLimits{}));
  if (!used.traffic.empty()) append(accounting::traffic_rows(used.traffic, {limited ? 4U << 20 : 0U, limited ? 1U << 20 : 0U}));
  return rows;
}

void MadeUpWorld::advance(double seconds, double times) {
  for (ContainerReading& container : now.host.running) {
    exporter::ContainerUsage& usage = container.usage;
    const double used = seconds * times * (0.4 + static_cast<double>(container.id % 5) * 0.15);
    const auto whole = [&](double of) { return static_cast<std::uint64_t>(of * used); };
    usage.cpu->user += used * 0.9;
    usage.cpu->system += used * 0.2;
    usage.cpu->throttling->throttled += used > seconds ? (used - seconds) * 0.2 : 0;
    for (accounting::DeviceIo& io : usage.block_io)
      io.read_bytes += whole(3e6), io.written_bytes += whole(6e6), io.reads += whole(110), io.writes += whole(240);
    for (accounting::Traffic& link : usage.traffic) link.received_bytes += whole(0.4e6), link.sent_bytes += whole(0.8e6);
  }
}

std::vector<container::Refusal> MadeUpWorld::last_refusals(std::uint32_t id) {
  std::vector<container::Refusal> last;
  for (auto refusal = refused.rbegin(); refusal != refused.rend(); ++refusal)
    if (refusal->id == id && std::ranges::find(last, refusal->resource, &container::Refusal::resource) == last.end())
      last.push_back(*refusal);
  return last;
}

exporter::RefusalNews MadeUpWorld::refusals_since(std::uint64_t cursor) {
  const auto first = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(cursor, refused.size()));
  return {{refused.begin() + first, refused.end()}, refused.size(), std::exchange(missed, 0)};
}

Result<std::vector<container::LimitChange>> MadeUpWorld::preview(std::uint32_t id, const accounting::AllLimits& changes) {
  for (const auto* list : {&now.host.running, &now.stopped})
    for (const ContainerReading& container : *list)
      if (container.id == id) return container::limit_changes(container.counters, changes);
  return os::error(Code::not_found, "there is no container {}", id);
}

void MadeUpWorld::act(const exporter::Action& action, std::function<void(exporter::ActionResult)> tell) {
  done.push_back(action);
  const exporter::ActionResult result = std::exchange(next_result, {});
  if (result.status == 0) {
    if (action.verb == "set") set(action.id, action.arguments);
    if (action.verb == "start") move(action.id, now.stopped, now.host.running);
    if (action.verb == "stop") move(action.id, now.host.running, now.stopped);
  }
  tell(result);
}

void MadeUpWorld::set(std::uint32_t id, const std::vector<std::string>& arguments) {
  ContainerReading* container = find(id);
  for (std::size_t i = 0; container != nullptr && i + 1 < arguments.size(); i += 2) {
    const accounting::ResourceInfo* info = accounting::find_resource(arguments[i].substr(2));
    if (info == nullptr) continue;
    const auto limits = accounting::parse_limits(*info, arguments[i + 1]);
    if (!limits) continue;
    container->counters.of(info->resource).barrier = limits->barrier.raw();
    container->counters.of(info->resource).limit = limits->limit.raw();
  }
}

void MadeUpWorld::move(std::uint32_t id, std::vector<ContainerReading>& from, std::vector<ContainerReading>& to) {
  const auto found = std::ranges::find(from, id, &ContainerReading::id);
  if (found == from.end()) return;
  for (Beancounter& counter : found->counters.counters) counter.held = 0;
  to.push_back(*found);
  from.erase(found);
}

void MadeUpWorld::refuse(std::uint32_t id, ubc_resource resource, std::string_view program, std::string_view call) {
  ContainerReading* container = find(id);
  if (container == nullptr) return;
  Beancounter& counter = container->counters.of(resource);
  ++counter.failcnt;
  refused.push_back({.time = std::chrono::system_clock::now(),
                     .id = id,
                     .name = container->name,
                     .group = "",
                     .resource = resource,
                     .amount = 1,
                     .held = counter.held,
                     .barrier = counter.barrier,
                     .limit = counter.limit,
                     .pid = 4242,
                     .uid = 33,
                     .program = std::string{program},
                     .call = std::string{call}});
}

namespace {

constexpr std::uint64_t kMegabyte = 256;   ///< in pages

struct Sketch {
  std::uint32_t id;
  const char* name;
  const char* hostname;
  const char* ostemplate;
  double load;                 ///< of numproc and numfile
  std::uint64_t ram, used;     ///< MiB
};
constexpr Sketch kSketches[] = {{101, "shop", "shop.example.com", "debian-12", 0.94, 2048, 1710},
                                {102, "mail", "mail.example.com", "debian-13", 0.46, 1024, 402},
                                {103, "wiki", "wiki.example.com", "debian-12", 0.31, 512, 188},
                                {104, "builds", "builds.example.com", "debian-13", 0.81, 4096, 2210},
                                {105, "cache", "cache.example.com", "busybox", 0.12, 256, 61},
                                {106, "reports", "reports.example.com", "debian-12", 0.58, 1024, 515},
                                {107, "staging", "staging.example.com", "debian-12", 0.22, 1024, 240}};

Beancounter counter(double load, std::uint64_t barrier, std::uint64_t limit, double peak = 1.05) {
  const auto held = static_cast<std::uint64_t>(static_cast<double>(barrier) * load);
  return {.held = held,
          .maxheld = std::min(barrier, static_cast<std::uint64_t>(static_cast<double>(held) * peak)),
          .barrier = barrier,
          .limit = limit,
          .failcnt = 0};
}

exporter::ContainerUsage usage_of(const Sketch& sketch) {
  exporter::ContainerUsage usage;
  const auto gibibytes = [](double amount) { return static_cast<std::uint64_t>(amount * (1U << 30U)); };
  usage.cpu = {.user = 81'234, .system = 9'021, .throttling = {{.periods = 90'000, .throttled_periods = 1'204, .throttled = 61.5}}};
  if (sketch.id % 2 == 1) usage.share.limit_cores = 1.5;
  usage.block_io = {{.device = "8:0", .read_bytes = gibibytes(12), .written_bytes = gibibytes(31), .reads = 401'200, .writes = 1'204'000}};
  usage.disk = {{gibibytes(8.4), gibibytes(10), gibibytes(12)}, {141'203, 0, 0}};
  usage.traffic = {{.device = "eth0", .received_bytes = gibibytes(41), .sent_bytes = gibibytes(88)}};
  return usage;
}

ContainerReading guest(const Sketch& sketch) {
  ContainerReading made;
  made.id = sketch.id;
  made.name = sketch.name;
  made.hostname = sketch.hostname;
  made.ostemplate = sketch.ostemplate;
  made.cgroup = "/sys/fs/cgroup/ubc/" + std::to_string(sketch.id);
  made.counted_by_hooks = true;
  made.started_at = 1'700'000'000;
  made.usage = usage_of(sketch);
  const auto set = [&](ubc_resource resource, const Beancounter& to) { made.counters.of(resource) = to; };
  const std::uint64_t ram = sketch.ram * kMegabyte;
  set(UBC_NUMPROC, counter(sketch.load, 240, 264));
  set(UBC_NUMFILE, counter(sketch.load * 0.8, 9312, 9312));
  set(UBC_NUMTCPSOCK, counter(sketch.load * 0.5, 360, 360));
  set(UBC_NUMOTHERSOCK, counter(sketch.load * 0.4, 360, 360));
  set(UBC_NUMFLOCK, counter(0.1, 188, 206));
  set(UBC_NUMPTY, counter(0.13, 16, 16));
  set(UBC_KMEMSIZE, counter(sketch.load * 0.6, 14'372'700, 14'790'164));
  set(UBC_PRIVVMPAGES, counter(sketch.load * 0.7, ram, ram + ram / 8));
  set(UBC_TCPSNDBUF, counter(0.2, 1'720'320, 2'703'360));
  set(UBC_VMGUARPAGES, {.held = 0, .maxheld = 0, .barrier = ram / 2, .failcnt = 0});
  made.counters.of(UBC_PHYSPAGES) = {
      .held = sketch.used * kMegabyte, .maxheld = sketch.used * kMegabyte + 9000, .barrier = 0, .limit = ram, .failcnt = 0};
  made.counters.of(UBC_SWAPPAGES) = {.held = 2048, .maxheld = 4096, .barrier = 0, .limit = ram, .failcnt = 0};
  made.counters.of(UBC_NUMMOUNT) = {.held = 21, .maxheld = 21, .failcnt = 0};
  return made;
}

}  // namespace

void populate(MadeUpWorld& world) {
  for (const Sketch& sketch : kSketches) world.now.host.running.push_back(guest(sketch));
  ContainerReading pod = guest({2'000'000'007, "pod-registry", "", "", 0.64, 512, 300});
  pod.adopted = true;
  pod.started_at = std::nullopt;
  pod.usage.disk = std::nullopt;   // of others' containers nobody knows where it is
  pod.usage.traffic.clear();
  pod.cgroup = "/sys/fs/cgroup/machine.slice/libpod-registry.scope";
  world.now.host.running.push_back(pod);
  for (const Sketch& sketch :
       {Sketch{110, "archive", "archive.example.com", "debian-12", 0, 1024, 0}, Sketch{111, "", "", "busybox", 0, 256, 0}})
    world.now.stopped.push_back(guest(sketch));
  for (const exporter::ContainerReading& stopped : world.now.stopped) world.now.host.stopped.push_back(stopped.id);
  world.now.host.hooks.emplace();
  world.refuse(104, UBC_NUMFILE, "cc1plus", "openat");
  for (int i = 0; i < 17; ++i) world.refuse(101, UBC_NUMPROC, "php-fpm8.2", "clone");
  world.find(102)->counters.of(UBC_PHYSPAGES).failcnt = 3;
}

}  // namespace ubc::test

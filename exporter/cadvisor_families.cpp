// SPDX-License-Identifier: Apache-2.0
// The same readings by the names that cAdvisor gave them, so that dashboards made for it light up. Where it says 0 for "no limit", so do we
// here.
#include "exporter/cadvisor_families.h"

#include <string>
#include <vector>

#include "os/text_file.h"

namespace ubc::exporter {
namespace {

using accounting::DeviceIo;
using accounting::Limit;
using accounting::Traffic;
using enum Kind;

constexpr double kCpuPeriod = 100'000;  // microseconds, as cpu.max has it by default

/// id: the cgroup as the kernel tells it; many dashboards leave out what has no name or no image.
std::vector<Labels> labels_of(const HostReading& host, std::string_view cgroups) {
  std::vector<Labels> labels;
  for (const ContainerReading& container : host.running) {
    std::string id = container.cgroup;
    if (id.starts_with(cgroups)) id.erase(0, cgroups.size());
    labels.push_back({{"id", os::printable(id)},
                      {"name", container.name.empty() ? std::to_string(container.id) : os::printable(container.name)},
                      {"image", container.ostemplate.empty() ? "adopted" : os::printable(container.ostemplate)}});
  }
  return labels;
}

class Writer {
 public:
  Writer(const HostReading& host, std::string_view cgroups, Exposition& out) : host_{host}, labels_{labels_of(host, cgroups)}, out_{out} {}

  /// `value` of each container: a number, or an optional one.
  void each(const char* name, Kind kind, const char* help, auto value, const Labels& more = {}) {
    if (!out_.family(name, kind, help)) return;
    for (std::size_t c = 0; c < host_.running.size(); ++c)
      if (const std::optional<double> said = value(host_.running[c])) out_.sample(labels_[c], more, *said);
  }
  template <typename Device>
  void each_device(const char* name, const char* label, const char* help, std::vector<Device> ContainerUsage::* devices,
                   std::uint64_t Device::* member) {
    if (!out_.family(name, counter, help)) return;
    for (std::size_t c = 0; c < host_.running.size(); ++c)
      for (const Device& device : host_.running[c].usage.*devices)
        out_.sample(labels_[c], {{label, os::printable(device.device)}}, device.*member);
  }

 private:
  const HostReading& host_;
  std::vector<Labels> labels_;
  Exposition& out_;
};

std::optional<double> maybe(const auto& from, auto value) { return from ? std::optional{static_cast<double>(value(*from))} : std::nullopt; }

void write_cpu_part(Writer& writer) {
  const auto cpu = [](auto value) { return [value](const ContainerReading& c) { return maybe(c.usage.cpu, value); }; };
  const auto throttling = [](auto value) {
    return [value](const ContainerReading& c) { return c.usage.cpu ? maybe(c.usage.cpu->throttling, value) : std::nullopt; };
  };
  using accounting::CpuUsage;
  writer.each("container_cpu_usage_seconds_total", counter, "CPU time that it took",
              cpu([](const CpuUsage& u) { return u.user + u.system; }), {{"cpu", "total"}});
  writer.each("container_cpu_user_seconds_total", counter, "CPU time in user mode", cpu([](const CpuUsage& u) { return u.user; }));
  writer.each("container_cpu_system_seconds_total", counter, "CPU time in the kernel", cpu([](const CpuUsage& u) { return u.system; }));
  writer.each("container_cpu_cfs_periods_total", counter, "Periods of its CPU limit",
              throttling([](const CpuUsage::Throttling& t) { return t.periods; }));
  writer.each("container_cpu_cfs_throttled_periods_total", counter, "Periods in which its CPU limit held it",
              throttling([](const CpuUsage::Throttling& t) { return t.throttled_periods; }));
  writer.each("container_cpu_cfs_throttled_seconds_total", counter, "Time for which its CPU limit held it",
              throttling([](const CpuUsage::Throttling& t) { return t.throttled; }));
  writer.each("container_spec_cpu_period", gauge, "Microseconds of a period",
              [](const ContainerReading&) { return std::optional{kCpuPeriod}; });
  writer.each("container_spec_cpu_quota", gauge, "Microseconds of a period that it may run; none: all",
              [](const ContainerReading& c) { return maybe(c.usage.share.limit_cores, [](double cores) { return cores * kCpuPeriod; }); });
}

double bytes_held(const ContainerReading& container, ubc_resource resource) {
  return static_cast<double>(container.counters.of(resource).held) * static_cast<double>(accounting::kPageSize);
}

double bytes_of(std::uint64_t pages) {
  return Limit::at(pages).is_unlimited() ? 0 : static_cast<double>(pages) * static_cast<double>(accounting::kPageSize);
}

void write_memory_part(Writer& writer) {
  using accounting::MemoryUse;
  const auto use = [](auto value) { return [value](const ContainerReading& c) { return maybe(c.usage.memory, value); }; };
  const auto number = [](auto value) { return [value](const ContainerReading& c) { return std::optional<double>{value(c)}; }; };
  writer.each("container_memory_usage_bytes", gauge, "Memory that it is charged for, cache too",
              number([](const ContainerReading& c) { return bytes_held(c, UBC_PHYSPAGES); }));
  writer.each("container_memory_working_set_bytes", gauge, "Memory less the file cache that was not used of late",
              [](const ContainerReading& c) {
                return maybe(c.usage.memory, [&](const MemoryUse& m) {
                  return std::max(0.0, bytes_held(c, UBC_PHYSPAGES) - static_cast<double>(m.inactive_file));
                });
              });
  writer.each("container_memory_rss", gauge, "Anonymous memory", use([](const MemoryUse& m) { return m.anonymous; }));
  writer.each("container_memory_cache", gauge, "File cache", use([](const MemoryUse& m) { return m.file; }));
  writer.each("container_memory_swap", gauge, "Memory in swap space",
              number([](const ContainerReading& c) { return bytes_held(c, UBC_SWAPPAGES); }));
  writer.each("container_memory_max_usage_bytes", gauge, "The most memory that it was charged for",
              number([](const ContainerReading& c) { return bytes_of(c.counters.of(UBC_PHYSPAGES).maxheld); }));
  writer.each("container_memory_failcnt", gauge, "Times that it met its memory limit",
              number([](const ContainerReading& c) { return static_cast<double>(c.counters.of(UBC_PHYSPAGES).failcnt); }));
  writer.each("container_spec_memory_limit_bytes", gauge, "Its memory limit; 0: none",
              number([](const ContainerReading& c) { return bytes_of(c.counters.of(UBC_PHYSPAGES).limit); }));
}

void write_counts(Writer& writer) {
  const auto held = [](auto value) {
    return [value](const ContainerReading& c) {
      return c.counted_by_hooks ? std::optional{static_cast<double>(value(c.counters))} : std::nullopt;
    };
  };
  using accounting::Snapshot;
  writer.each("container_threads", gauge, "Processes and threads", held([](const Snapshot& s) { return s.of(UBC_NUMPROC).held; }));
  writer.each("container_threads_max", gauge, "Processes and threads that it may have; none: unlimited", [](const ContainerReading& c) {
    const Limit limit = Limit::at(c.counters.of(UBC_NUMPROC).limit);
    return limit.is_unlimited() ? std::nullopt : std::optional{static_cast<double>(limit.raw())};
  });
  writer.each("container_file_descriptors", gauge, "Open files", held([](const Snapshot& s) { return s.of(UBC_NUMFILE).held; }));
  writer.each("container_sockets", gauge, "Sockets",
              held([](const Snapshot& s) { return s.of(UBC_NUMTCPSOCK).held + s.of(UBC_NUMOTHERSOCK).held; }));
  writer.each("container_start_time_seconds", gauge, "When it was started, in seconds since the epoch",
              [](const ContainerReading& c) { return maybe(c.started_at, [](std::int64_t at) { return at; }); });
}

void write_devices(Writer& writer) {
  writer.each("container_fs_usage_bytes", gauge, "Disk space that it takes",
              [](const ContainerReading& c) { return maybe(c.usage.disk, [](const os::ProjectUse& use) { return use.bytes.held; }); });
  writer.each("container_fs_limit_bytes", gauge, "Disk space that it may take; 0: no limit",
              [](const ContainerReading& c) { return maybe(c.usage.disk, [](const os::ProjectUse& use) { return use.bytes.hard; }); });
  constexpr auto kIo = &ContainerUsage::block_io;
  writer.each_device("container_fs_reads_bytes_total", "device", "Read from block devices", kIo, &DeviceIo::read_bytes);
  writer.each_device("container_fs_writes_bytes_total", "device", "Written to block devices", kIo, &DeviceIo::written_bytes);
  writer.each_device("container_fs_reads_total", "device", "Read operations", kIo, &DeviceIo::reads);
  writer.each_device("container_fs_writes_total", "device", "Write operations", kIo, &DeviceIo::writes);
  constexpr auto kLinks = &ContainerUsage::traffic;
  const auto link = [&](const char* name, const char* help, std::uint64_t Traffic::* member) {
    writer.each_device(name, "interface", help, kLinks, member);
  };
  link("container_network_receive_bytes_total", "Received", &Traffic::received_bytes);
  link("container_network_receive_packets_total", "Received", &Traffic::received_packets);
  link("container_network_receive_packets_dropped_total", "Received and dropped", &Traffic::received_drops);
  link("container_network_receive_errors_total", "Received broken", &Traffic::received_errors);
  link("container_network_transmit_bytes_total", "Sent", &Traffic::sent_bytes);
  link("container_network_transmit_packets_total", "Sent", &Traffic::sent_packets);
  link("container_network_transmit_packets_dropped_total", "Dropped instead of sent", &Traffic::sent_drops);
  link("container_network_transmit_errors_total", "Could not be sent", &Traffic::sent_errors);
}

}  // namespace

void write_cadvisor(const HostReading& host, std::string_view cgroups, Exposition& out) {
  Writer writer{host, cgroups, out};
  write_cpu_part(writer);
  write_memory_part(writer);
  write_counts(writer);
  write_devices(writer);
}

}  // namespace ubc::exporter

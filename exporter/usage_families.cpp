// SPDX-License-Identifier: Apache-2.0
// What a container uses besides its beancounters: CPU, memory events, pressure, IO, network.
#include <string>

#include "exporter/family_parts.h"
#include "os/text_file.h"

namespace ubc::exporter {
namespace {

using accounting::CpuUsage;
using accounting::DeviceIo;
using accounting::Pressure;
using accounting::Traffic;
using enum Kind;

/// A family of one number a container; `value` says it, or that there is none.
void per_container(const HostReading& host, const Subjects& subjects, Exposition& out, auto value) {
  for (std::size_t c = 0; c < host.running.size(); ++c)
    if (const auto said = value(host.running[c].usage)) out.sample(subjects.containers[c], *said);
}

template <typename Device>
struct DeviceFamily {
  const char* name;
  const char* help;
  std::uint64_t Device::* member;
};

constexpr DeviceFamily<DeviceIo> kIo[] = {
    {"ubc_io_read_bytes_total", "Read from block devices", &DeviceIo::read_bytes},
    {"ubc_io_written_bytes_total", "Written to block devices", &DeviceIo::written_bytes},
    {"ubc_io_reads_total", "Read operations on block devices", &DeviceIo::reads},
    {"ubc_io_writes_total", "Write operations on block devices", &DeviceIo::writes},
};
constexpr DeviceFamily<Traffic> kTraffic[] = {
    {"ubc_network_receive_bytes_total", "What the guest's interfaces received", &Traffic::received_bytes},
    {"ubc_network_receive_packets_total", "What the guest's interfaces received", &Traffic::received_packets},
    {"ubc_network_receive_errors_total", "Packets that were received broken", &Traffic::received_errors},
    {"ubc_network_receive_drop_total", "Packets that were received and dropped", &Traffic::received_drops},
    {"ubc_network_transmit_bytes_total", "What the guest's interfaces sent", &Traffic::sent_bytes},
    {"ubc_network_transmit_packets_total", "What the guest's interfaces sent", &Traffic::sent_packets},
    {"ubc_network_transmit_errors_total", "Packets that could not be sent", &Traffic::sent_errors},
    {"ubc_network_transmit_drop_total", "Packets that were dropped instead of sent", &Traffic::sent_drops},
};

template <typename Device, std::size_t N>
void per_device(const HostReading& host, const Subjects& subjects, const DeviceFamily<Device> (&families)[N],
                std::vector<Device> ContainerUsage::* devices, Exposition& out) {
  for (const DeviceFamily<Device>& family : families) {
    if (!out.family(family.name, counter, family.help)) continue;
    for (std::size_t c = 0; c < host.running.size(); ++c)
      for (const Device& device : host.running[c].usage.*devices)
        out.sample(subjects.containers[c], {{"device", os::printable(device.device)}}, device.*family.member);
  }
}

}  // namespace

void write_cpu(const HostReading& host, const Subjects& subjects, Exposition& out) {
  out.family("ubc_cpu_seconds_total", counter, "CPU time that the container's tasks took");
  for (std::size_t c = 0; c < host.running.size(); ++c)
    if (const auto& cpu = host.running[c].usage.cpu) {
      out.sample(subjects.containers[c], {{"mode", "user"}}, cpu->user);
      out.sample(subjects.containers[c], {{"mode", "system"}}, cpu->system);
    }
  const auto throttling = [&](auto member) {
    per_container(host, subjects, out, [member](const ContainerUsage& usage) {
      const bool said = usage.cpu && usage.cpu->throttling;
      return said ? std::optional{(*usage.cpu->throttling).*member} : std::nullopt;
    });
  };
  out.family("ubc_cpu_throttled_seconds_total", counter, "Time for which the CPU limit kept it from running");
  throttling(&CpuUsage::Throttling::throttled);
  out.family("ubc_cpu_throttled_periods_total", counter, "Periods in which the CPU limit kept it from running");
  throttling(&CpuUsage::Throttling::throttled_periods);
  out.family("ubc_cpu_periods_total", counter, "Periods of its CPU limit");
  throttling(&CpuUsage::Throttling::periods);
  out.family("ubc_cpu_weight", gauge, "Its share where CPUs are short, as cpu.weight has it");
  per_container(host, subjects, out, [](const ContainerUsage& usage) { return usage.share.weight; });
  out.family("ubc_cpu_limit_cores", gauge, "CPUs that it may use at once; no series: all");
  per_container(host, subjects, out, [](const ContainerUsage& usage) { return usage.share.limit_cores; });
}

void write_memory_events(const HostReading& host, const Subjects& subjects, Exposition& out) {
  if (!out.family("ubc_memory_events_total", counter, "What befell its memory, as memory.events has it")) return;
  for (std::size_t c = 0; c < host.running.size(); ++c)
    for (const auto& [event, times] : host.running[c].usage.memory_events)
      out.sample(subjects.containers[c], {{"event", os::printable(event)}}, times);
}

void write_pressures(const HostReading& host, const Subjects& subjects, Exposition& out) {
  out.family("ubc_pressure_waiting_seconds_total", counter, "Time in which some task of it waited for the resource");
  const auto each = [&](auto value) {
    for (std::size_t c = 0; c < host.running.size(); ++c)
      for (const auto& [resource, pressure] : host.running[c].usage.pressures)
        if (const std::optional<double> seconds = value(pressure)) out.sample(subjects.containers[c], {{"resource", resource}}, *seconds);
  };
  each([](const Pressure& pressure) { return std::optional{pressure.some}; });
  out.family("ubc_pressure_stalled_seconds_total", counter, "Time in which no task of it ran, for want of the resource");
  each([](const Pressure& pressure) { return pressure.full; });
}

void write_io(const HostReading& host, const Subjects& subjects, Exposition& out) {
  per_device(host, subjects, kIo, &ContainerUsage::block_io, out);
}

void write_disk(const HostReading& host, const Subjects& subjects, Exposition& out) {
  const auto used = [&](const char* name, const char* help, os::ProjectAmount os::ProjectUse::* amount) {
    out.family(name, gauge, help);
    per_container(host, subjects, out, [amount](const ContainerUsage& usage) {
      return usage.disk ? std::optional{((*usage.disk).*amount).held} : std::nullopt;
    });
  };
  const auto limits = [&](const char* name, const char* help, os::ProjectAmount os::ProjectUse::* amount) {
    if (!out.family(name, gauge, help)) return;
    for (std::size_t c = 0; c < host.running.size(); ++c) {
      const auto& disk = host.running[c].usage.disk;
      if (!disk || ((*disk).*amount).hard == 0) continue;   // unlimited: the series is absent
      out.sample(subjects.containers[c], {{"limit", "soft"}}, ((*disk).*amount).soft);
      out.sample(subjects.containers[c], {{"limit", "hard"}}, ((*disk).*amount).hard);
    }
  };
  used("ubc_disk_used_bytes", "Disk space that the container's private area takes", &os::ProjectUse::bytes);
  limits("ubc_disk_limit_bytes", "Disk space that it may take, for a time and at most", &os::ProjectUse::bytes);
  used("ubc_disk_used_inodes", "Files and directories in the container's private area", &os::ProjectUse::inodes);
  limits("ubc_disk_limit_inodes", "Files and directories that it may have, for a time and at most", &os::ProjectUse::inodes);
}

void write_network(const HostReading& host, const Subjects& subjects, Exposition& out) {
  per_device(host, subjects, kTraffic, &ContainerUsage::traffic, out);
  if (!out.family("ubc_network_refused_packets_total", counter, "Packets of the guest, or for it, that the host did not let pass")) return;
  for (std::size_t c = 0; c < host.running.size(); ++c)
    if (const auto& refused = host.running[c].usage.refused) {
      out.sample(subjects.containers[c], {{"reason", "spoofed"}}, refused->spoofed);
      out.sample(subjects.containers[c], {{"reason", "policy"}}, refused->denied);
      out.sample(subjects.containers[c], {{"reason", "rate"}}, refused->over_rate);
    }
}

}  // namespace ubc::exporter

// SPDX-License-Identifier: Apache-2.0
// What a container uses of the host besides its beancounters, as the kernel's own files say it: CPU, memory events, pressure, IO, network.
// Times in seconds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/cgroup_dir.h"
#include "os/result.h"

namespace ubc::accounting {

struct CpuUsage {
  double user = 0, system = 0;
  /// Only where the cpu controller is on.
  struct Throttling {
    std::uint64_t periods = 0, throttled_periods = 0;
    double throttled = 0;
  };
  std::optional<Throttling> throttling;
};

struct CpuShare {
  std::optional<std::uint64_t> weight;   ///< cpu.weight, 100 by default
  std::optional<double> limit_cores;     ///< of cpu.max; nullopt: unlimited
};

/// Of one of PSI's files: time in which some task waited, and in which none ran (of the CPU's the kernel says it since 5.13).
struct Pressure {
  double some = 0;
  std::optional<double> full;
};

/// Of memory.stat, in bytes.
struct MemoryUse {
  std::uint64_t anonymous = 0, file = 0, inactive_file = 0;
};

struct DeviceIo {
  std::string device;   ///< "8:0"
  std::uint64_t read_bytes = 0, written_bytes = 0, reads = 0, writes = 0;
};

/// The tightest of io.max over all devices, a second; nullopt: no limit.
struct IoLimits {
  std::optional<std::uint64_t> read_bytes, written_bytes, reads, writes;
};

/// Of one network interface.
struct Traffic {
  std::string device;
  std::uint64_t received_bytes = 0, received_packets = 0, received_errors = 0, received_drops = 0;
  std::uint64_t sent_bytes = 0, sent_packets = 0, sent_errors = 0, sent_drops = 0;
};

/// PSI's resources, and the files that say them.
inline constexpr std::string_view kPressures[] = {"cpu", "memory", "io"};
using Pressures = std::map<std::string_view, Pressure>;   ///< by kPressures; what the kernel does not say is not there

/// Parsers of the kernel's text (pure). They fail with Code::corrupt.
[[nodiscard]] Result<CpuUsage> parse_cpu_stat(std::string_view text);
[[nodiscard]] Result<std::optional<double>> parse_cpu_max(std::string_view text);
[[nodiscard]] Result<Pressure> parse_pressure(std::string_view text);
[[nodiscard]] Result<std::vector<DeviceIo>> parse_io_stat(std::string_view text);
[[nodiscard]] Result<IoLimits> parse_io_max(std::string_view text);
/// Of /proc/PID/net/dev; without the loopback device.
[[nodiscard]] Result<std::vector<Traffic>> parse_net_dev(std::string_view text);

/// What a cgroup lacks (a controller that is off, a kernel without PSI) is absent; any other failure is one.
[[nodiscard]] Result<std::optional<CpuUsage>> read_cpu_usage(const os::CgroupDir& cgroup);
[[nodiscard]] Result<CpuShare> read_cpu_share(const os::CgroupDir& cgroup);
[[nodiscard]] Result<Pressures> read_pressures(const os::CgroupDir& cgroup);
[[nodiscard]] Result<std::vector<DeviceIo>> read_io(const os::CgroupDir& cgroup);
[[nodiscard]] Result<IoLimits> read_io_limits(const os::CgroupDir& cgroup);
/// memory.events: low, high, max, oom, oom_kill, ...
[[nodiscard]] Result<std::map<std::string, std::uint64_t, std::less<>>> read_memory_events(const os::CgroupDir& cgroup);
/// nullopt: no memory controller.
[[nodiscard]] Result<std::optional<MemoryUse>> read_memory_use(const os::CgroupDir& cgroup);
/// cgroup.freeze: suspended by its owner.
[[nodiscard]] Result<bool> is_frozen(const os::CgroupDir& cgroup);
/// The host's own: /proc/pressure.
[[nodiscard]] Result<Pressures> read_host_pressures(const std::string& proc);
/// Of the host's interfaces, by name.
using TrafficByDevice = std::map<std::string, Traffic, std::less<>>;
[[nodiscard]] Result<TrafficByDevice> read_host_traffic(const std::string& proc);
/// What the other end of a link, which is called `device` there, has received and sent. (Pure.)
[[nodiscard]] Traffic of_other_end(const Traffic& traffic, std::string_view device);

}  // namespace ubc::accounting

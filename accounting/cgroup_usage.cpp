// SPDX-License-Identifier: Apache-2.0
#include "accounting/cgroup_usage.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "os/text_file.h"

namespace ubc::accounting {
namespace {

/// What is wrong with the text, not with whoever asked.
Result<std::uint64_t> number_in(std::string_view text, std::string_view file) {
  const auto number = os::parse_number(text);
  if (!number) return os::error(Code::corrupt, "read {}: \"{}\" is no number", file, os::printable(text));
  return *number;
}

double seconds_of(std::uint64_t microseconds) { return static_cast<double>(microseconds) / 1e6; }

/// nullopt: this kernel or this cgroup has no such file, or the kernel was booted without what it says.
template <typename Parse>
auto read_parsed(const Result<std::string>& text, Parse parse) -> Result<std::optional<typename decltype(parse(""))::value_type>> {
  if (!text && (text.error().code == Code::not_found || text.error().sys_errno == EOPNOTSUPP)) return std::nullopt;
  if (!text) return std::unexpected(text.error());
  return UBC_TRY(parse(*text));
}

/// Of "key=value" words.
Result<> take_io(std::string_view word, DeviceIo& io) {
  const std::string_view key = os::next_word(word, "=");
  const std::pair<std::string_view, std::uint64_t*> wanted[] = {
      {"rbytes", &io.read_bytes}, {"wbytes", &io.written_bytes}, {"rios", &io.reads}, {"wios", &io.writes}};
  for (const auto& [name, into] : wanted)
    if (key == name) *into = UBC_TRY(number_in(os::next_word(word, "="), "io.stat"));
  return {};
}

/// "rbps=1048576" of io.max, or "rbps=max".
Result<> take_io_limit(std::string_view word, IoLimits& limits) {
  const std::string_view key = os::next_word(word, "="), amount = os::next_word(word, "=");
  const std::pair<std::string_view, std::optional<std::uint64_t>*> wanted[] = {
      {"rbps", &limits.read_bytes}, {"wbps", &limits.written_bytes}, {"riops", &limits.reads}, {"wiops", &limits.writes}};
  for (const auto& [name, into] : wanted)
    if (key == name && amount != "max") *into = std::min(into->value_or(UINT64_MAX), UBC_TRY(number_in(amount, "io.max")));
  return {};
}

/// The microseconds of "some avg10=0.00 avg60=0.00 avg300=0.00 total=12".
Result<double> parse_total(std::string_view line) {
  const std::size_t at = line.find("total=");
  if (at == std::string_view::npos) return os::error(Code::corrupt, "read a pressure file: \"{}\" has no total", os::printable(line));
  return seconds_of(UBC_TRY(number_in(line.substr(at + 6), "a pressure file")));
}

Result<Traffic> parse_device(std::string_view name, std::string_view numbers) {
  std::array<std::uint64_t, 12> columns{};
  for (std::uint64_t& column : columns) column = UBC_TRY(number_in(os::next_word(numbers), "net/dev"));
  return Traffic{.device = std::string{name},
                 .received_bytes = columns[0],
                 .received_packets = columns[1],
                 .received_errors = columns[2],
                 .received_drops = columns[3],
                 .sent_bytes = columns[8],
                 .sent_packets = columns[9],
                 .sent_errors = columns[10],
                 .sent_drops = columns[11]};
}

}  // namespace

Result<CpuUsage> parse_cpu_stat(std::string_view text) {
  const auto values = UBC_TRY(os::parse_key_values(text));
  const auto value = [&](std::string_view key) {
    const auto found = values.find(key);
    return found == values.end() ? 0 : found->second;
  };
  CpuUsage usage{.user = seconds_of(value("user_usec")), .system = seconds_of(value("system_usec")), .throttling = {}};
  if (values.contains("nr_periods"))
    usage.throttling = {
        .periods = value("nr_periods"), .throttled_periods = value("nr_throttled"), .throttled = seconds_of(value("throttled_usec"))};
  return usage;
}

Result<std::optional<double>> parse_cpu_max(std::string_view text) {
  text = os::trimmed(text);
  const std::string_view quota = os::next_word(text);
  if (quota == "max") return std::nullopt;
  const std::uint64_t runs = UBC_TRY(number_in(quota, "cpu.max")), period = UBC_TRY(number_in(os::next_word(text), "cpu.max"));
  if (period == 0) return os::error(Code::corrupt, "read cpu.max: a period of 0");
  return static_cast<double>(runs) / static_cast<double>(period);
}

Result<Pressure> parse_pressure(std::string_view text) {
  Pressure pressure;
  while (!text.empty()) {
    const std::string_view line = os::next_word(text, "\n");
    if (line.starts_with("some ")) pressure.some = UBC_TRY(parse_total(line));
    if (line.starts_with("full ")) pressure.full = UBC_TRY(parse_total(line));
  }
  return pressure;
}

Result<std::vector<DeviceIo>> parse_io_stat(std::string_view text) {
  std::vector<DeviceIo> devices;
  while (!text.empty()) {
    std::string_view line = os::next_word(text, "\n");
    DeviceIo io;
    while (!os::trimmed(line).empty()) {
      const std::string_view word = os::next_word(line);
      if (word.contains('='))
        UBC_TRY(take_io(word, io));
      else
        io = {.device = std::string{word}};   // one that did nothing yet is a bare name, before 6.6 with the next one in its line
      if (word.contains('=') && os::trimmed(line).empty()) devices.push_back(io);
    }
  }
  return devices;
}

Result<IoLimits> parse_io_max(std::string_view text) {
  IoLimits limits;
  while (!os::trimmed(text).empty()) {
    std::string_view line = os::next_word(text, "\n");
    (void)os::next_word(line);   // the device
    while (!os::trimmed(line).empty()) UBC_TRY(take_io_limit(os::next_word(line), limits));
  }
  return limits;
}

Result<std::vector<Traffic>> parse_net_dev(std::string_view text) {
  std::vector<Traffic> devices;
  while (!text.empty()) {
    const std::string_view line = os::next_word(text, "\n");
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;   // the two lines of heading
    const std::string_view name = os::trimmed(line.substr(0, colon));
    if (name != "lo") devices.push_back(UBC_TRY(parse_device(name, line.substr(colon + 1))));
  }
  return devices;
}

Result<std::optional<CpuUsage>> read_cpu_usage(const os::CgroupDir& cgroup) { return read_parsed(cgroup.read("cpu.stat"), parse_cpu_stat); }

Result<CpuShare> read_cpu_share(const os::CgroupDir& cgroup) {
  CpuShare share;
  share.weight = UBC_TRY(read_parsed(cgroup.read("cpu.weight"), os::parse_number));
  share.limit_cores = UBC_TRY(read_parsed(cgroup.read("cpu.max"), parse_cpu_max)).value_or(std::nullopt);
  return share;
}

Result<Pressures> read_pressures(const os::CgroupDir& cgroup) {
  Pressures pressures;
  for (const std::string_view resource : kPressures)
    if (const auto said = UBC_TRY(read_parsed(cgroup.read(fmt::format("{}.pressure", resource)), parse_pressure)))
      pressures[resource] = *said;
  return pressures;
}

Result<std::vector<DeviceIo>> read_io(const os::CgroupDir& cgroup) {
  return UBC_TRY(read_parsed(cgroup.read("io.stat"), parse_io_stat)).value_or(std::vector<DeviceIo>{});
}

Result<IoLimits> read_io_limits(const os::CgroupDir& cgroup) {
  return UBC_TRY(read_parsed(cgroup.read("io.max"), parse_io_max)).value_or(IoLimits{});
}

Result<std::map<std::string, std::uint64_t, std::less<>>> read_memory_events(const os::CgroupDir& cgroup) {
  using Events = std::map<std::string, std::uint64_t, std::less<>>;
  return UBC_TRY(read_parsed(cgroup.read("memory.events"), os::parse_key_values)).value_or(Events{});
}

Result<std::optional<MemoryUse>> read_memory_use(const os::CgroupDir& cgroup) {
  const auto values = UBC_TRY(read_parsed(cgroup.read("memory.stat"), os::parse_key_values));
  if (!values) return std::nullopt;
  const auto value = [&](std::string_view key) {
    const auto found = values->find(key);
    return found == values->end() ? 0 : found->second;
  };
  return MemoryUse{value("anon"), value("file"), value("inactive_file")};
}

Result<bool> is_frozen(const os::CgroupDir& cgroup) {
  return UBC_TRY(read_parsed(cgroup.read("cgroup.freeze"), os::parse_number)).value_or(0) != 0;
}

Result<Pressures> read_host_pressures(const std::string& proc) {
  Pressures pressures;
  for (const std::string_view resource : kPressures)
    if (const auto said = UBC_TRY(read_parsed(os::read_text(fmt::format("{}/pressure/{}", proc, resource)), parse_pressure)))
      pressures[resource] = *said;
  return pressures;
}

Result<TrafficByDevice> read_host_traffic(const std::string& proc) {
  const std::string text = UBC_TRY(os::read_text(proc + "/net/dev"));
  TrafficByDevice devices;
  for (const Traffic& traffic : UBC_TRY(parse_net_dev(text))) devices.emplace(traffic.device, traffic);
  return devices;
}

Traffic of_other_end(const Traffic& traffic, std::string_view device) {
  return {.device = std::string{device},
          .received_bytes = traffic.sent_bytes,
          .received_packets = traffic.sent_packets,
          .received_errors = traffic.sent_errors,
          .received_drops = traffic.sent_drops,
          .sent_bytes = traffic.received_bytes,
          .sent_packets = traffic.received_packets,
          .sent_errors = traffic.received_errors,
          .sent_drops = traffic.received_drops};
}

}  // namespace ubc::accounting

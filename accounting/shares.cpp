// SPDX-License-Identifier: Apache-2.0
#include "accounting/shares.h"

#include <algorithm>
#include <limits>

#include "os/text_file.h"

namespace ubc::accounting {
namespace {

constexpr std::uint64_t kPeriodUs = 100'000;
constexpr std::uint64_t kMaxIo = std::numeric_limits<std::int32_t>::max();   // of vzctl: it truncates above, we refuse

Error bad_share(const ShareInfo& share, std::string_view text, std::string_view want) {
  return {Code::bad_value, 0, fmt::format("Bad parameter for --{}: {}: {}", share.option, os::printable(text), want)};
}

Result<std::uint64_t> number_in(const ShareInfo& share, std::string_view text, std::uint64_t least, std::uint64_t most) {
  const auto number = os::parse_number(text);
  if (number && *number >= least && *number <= most) return *number;
  return std::unexpected(bad_share(share, text, fmt::format("a number from {} to {}", least, most)));
}

Result<std::string> cpu_limit(const ShareInfo& share, std::string_view text, unsigned cpus_of_host) {
  if (!text.ends_with('%')) return std::to_string(UBC_TRY(number_in(share, text, 0, 100'000)));
  return std::to_string(UBC_TRY(number_in(share, text.substr(0, text.size() - 1), 0, 100)) * cpus_of_host);
}

Result<std::string> io_limit(const ShareInfo& share, std::string_view text) {
  if (text == "unlimited") return "0";
  constexpr std::string_view kSuffixes = "BKMG";
  const char last = text.empty() ? '\0' : static_cast<char>(std::toupper(static_cast<unsigned char>(text.back())));
  const std::size_t suffix = kSuffixes.find(last);
  const std::string_view digits = suffix == kSuffixes.npos ? text : text.substr(0, text.size() - 1);
  const unsigned shift = 10 * static_cast<unsigned>(suffix == kSuffixes.npos ? 2 : suffix);
  const std::string want = fmt::format("bytes a second with B, K, M or G, at most {}, or unlimited", kMaxIo);
  const auto number = os::parse_number(digits);
  if (!number || *number > (kMaxIo >> shift)) return std::unexpected(bad_share(share, text, want));
  return std::to_string(*number << shift);
}

/// "0-2,7". The kernel says whether there are such.
Result<std::string> mask(const ShareInfo& share, std::string_view text) {
  if (text == kAll) return std::string{kAll};
  const bool digits =
      !text.empty() && text.find_first_not_of("0123456789,-") == text.npos && std::isdigit(static_cast<unsigned char>(text.front()));
  return digits ? Result<std::string>{std::string{text}}
                : std::unexpected(bad_share(share, text, "numbers and ranges, as in 0-2,7, or all"));
}

/// A key's number; nullopt: not said.
Result<std::optional<std::uint64_t>> number_of(const ConfigFile& config, std::string_view key) {
  const auto text = config.get(key);
  if (!text) return std::nullopt;
  const auto number = os::parse_number(*text);
  if (!number) return os::error(Code::bad_value, "{}=\"{}\": a number is expected", key, os::printable(*text));
  return *number;
}

Result<> add_cpu(const ConfigFile& config, std::vector<ShareKnob>& knobs) {
  // vzctl's 1000 is everybody's default, as 100 is of cpu.weight.
  if (const auto units = UBC_TRY(number_of(config, "CPUUNITS")))
    knobs.push_back({"cpu.weight", std::to_string(std::clamp<std::uint64_t>((*units + 5) / 10, 1, 10'000)), "cpuunits"});
  const auto percent = UBC_TRY(number_of(config, "CPULIMIT")), cpus = UBC_TRY(number_of(config, "CPUS"));
  if (!percent && !cpus) return {};
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  if (percent.value_or(0) != 0) most = std::min(most, *percent);
  if (cpus.value_or(0) != 0) most = std::min(most, *cpus * 100);
  const bool none = most == std::numeric_limits<std::uint64_t>::max();
  knobs.push_back(
      {"cpu.max", fmt::format("{} {}", none ? "max" : std::to_string(most * kPeriodUs / 100), kPeriodUs), percent ? "cpulimit" : "cpus"});
  return {};
}

void add_masks(const ConfigFile& config, std::vector<ShareKnob>& knobs) {
  if (const auto nodes = config.get("NODEMASK")) knobs.push_back({"cpuset.mems", *nodes, "nodemask"});
  if (const auto cpus = config.get("CPUMASK")) knobs.push_back({"cpuset.cpus", *cpus, "cpumask"});
}

Result<> add_io(const ConfigFile& config, std::string_view device, std::vector<ShareKnob>& knobs) {
  if (const auto priority = UBC_TRY(number_of(config, "IOPRIO")))
    knobs.push_back({"io.weight", fmt::format("default {}", std::max<std::uint64_t>(1, 25 * *priority)), "ioprio"});
  const auto bytes = UBC_TRY(number_of(config, "IOLIMIT")), operations = UBC_TRY(number_of(config, "IOPSLIMIT"));
  const auto most = [](std::optional<std::uint64_t> number) {
    return number.value_or(0) == 0 ? std::string{"max"} : std::to_string(*number);
  };
  if (bytes || operations)
    knobs.push_back({"io.max",
                     fmt::format("{0} rbps={1} wbps={1} riops={2} wiops={2}", device.empty() ? "?" : device, most(bytes), most(operations)),
                     bytes ? "iolimit" : "iopslimit"});
  return {};
}

}  // namespace

const ShareInfo* find_share(std::string_view key) {
  const auto found = std::ranges::find_if(kShares, [key](const ShareInfo& share) { return key_of(share.option) == key; });
  return found == kShares.end() ? nullptr : &*found;
}

std::string_view partner_of(std::string_view key) {
  constexpr std::pair<std::string_view, std::string_view> kPartners[] = {{"CPULIMIT", "CPUS"}, {"IOLIMIT", "IOPSLIMIT"}};
  for (const auto& [one, other] : kPartners) {
    if (key == one) return other;
    if (key == other) return one;
  }
  return {};
}

Result<std::string> share_value(const ShareInfo& share, std::string_view text, unsigned cpus_of_host) {
  if (share.option == "cpulimit") return cpu_limit(share, text, cpus_of_host);
  if (share.option == "iolimit") return io_limit(share, text);
  if (share.option == "cpumask" || share.option == "nodemask") return mask(share, text);
  if (share.option == "cpuunits") return std::to_string(UBC_TRY(number_in(share, text, 8, 500'000)));
  if (share.option == "cpus") return std::to_string(UBC_TRY(number_in(share, text, 1, cpus_of_host)));
  return std::to_string(UBC_TRY(number_in(share, text, 0, share.option == "ioprio" ? 7 : kMaxIo)));
}

Result<std::vector<ShareKnob>> share_knobs(const ConfigFile& config, std::string_view device) {
  std::vector<ShareKnob> knobs;
  add_masks(config, knobs);  // which may fail for a CPU that is not there: before anything is changed
  UBC_TRY(add_cpu(config, knobs));
  UBC_TRY(add_io(config, device, knobs));
  return knobs;
}

}  // namespace ubc::accounting

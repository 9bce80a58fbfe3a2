// SPDX-License-Identifier: Apache-2.0
#include "container/guest_rights.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "isolate/privileges.h"
#include "isolate/run_program.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

struct Feature {
  std::string_view name;
  std::string_view module;           ///< of the host, that it needs; empty: it cannot be honoured
  std::string_view device;           ///< of the host's /dev, that the guest gets; empty: none
  std::string_view why_not_on, why_not_off;
};
/// vzctl's, and fuse and tun, which it has as devices. A guest's root may make tunnels and bridges in its own network namespace anyway, as
/// far as the host has the module.
constexpr auto kFeatures = std::to_array<Feature>({
    {"sysfs", "", "", "", "every guest has /sys, read-only, and its init needs it"},
    {"nfs", "", "", "the kernel lets no guest mount nfs: mount it on the host, and give the guest the directory by --bindmount_add", ""},
    {"nfsd", "", "", "the kernel's nfs server is the host's alone: run one in user space inside", ""},
    {"fuse", "fuse", "fuse", "", ""},
    {"tun", "tun", "net/tun", "", ""},
    {"ppp", "ppp_generic", "ppp", "", ""},
    {"sit", "sit", "", "", ""},
    {"ipip", "ipip", "", "", ""},
    {"ipgre", "ip_gre", "", "", ""},
    {"bridge", "bridge", "", "", ""},
});

const Feature* find_feature(std::string_view name) {
  const auto found = std::ranges::find(kFeatures, name, &Feature::name);
  return found == kFeatures.end() ? nullptr : &*found;
}

std::string changed_case(std::string_view text, int (*change)(int)) {
  std::string changed{text};
  std::ranges::transform(changed, changed.begin(), [change](unsigned char c) { return static_cast<char>(change(c)); });
  return changed;
}

std::unexpected<Error> wrong(std::string_view option, std::string_view word, std::string_view why) {
  return os::error(Code::bad_value, "Bad parameter for --{}: {}: {}", option, os::printable(word), why);
}

/// Words of "NAME:on" and "NAME:off", taken apart.
Result<std::vector<std::pair<std::string_view, bool>>> switches_in(std::string_view option, std::string_view text) {
  std::vector<std::pair<std::string_view, bool>> switches;
  while (true) {
    const std::string_view word = os::next_word(text, ", \t");
    if (word.empty()) return switches;
    const std::size_t colon = word.find(':');
    const std::string_view state = colon == word.npos ? "" : word.substr(colon + 1);
    if (state != "on" && state != "off") return wrong(option, word, "say NAME:on or NAME:off");
    switches.emplace_back(word.substr(0, colon), state == "on");
  }
}

Result<std::string> feature_for(std::string_view name, bool on) {
  const std::string lower = changed_case(name, std::tolower);
  const Feature* feature = find_feature(lower);
  if (feature == nullptr) return wrong("features", name, "known are sysfs, nfs, nfsd, fuse, tun, ppp, sit, ipip, ipgre and bridge");
  const std::string_view why_not = on ? feature->why_not_on : feature->why_not_off;
  if (!why_not.empty()) return wrong("features", fmt::format("{}:{}", name, on ? "on" : "off"), why_not);
  return lower;
}

Result<std::string> capability_for(std::string_view name, bool on) {
  std::string upper = changed_case(name, std::toupper);
  if (upper.starts_with("CAP_")) upper = upper.substr(4);
  const auto number = isolate::capability_named(upper);
  if (!number) return wrong("capability", name, "it is a name of capabilities(7), as net_admin");
  if (on && isolate::is_never_a_guests(*number))
    return wrong("capability", fmt::format("{}:on", name), "it acts on the whole host, or on nothing that a guest has: no guest gets it");
  return upper;
}

template <typename Check>
Result<Switches> parse(std::string_view option, std::string_view text, Check check) {
  Switches switches;
  for (const auto& [name, on] : UBC_TRY(switches_in(option, text))) switches[UBC_TRY(check(name, on))] = on;
  return switches;
}

/// What of a configuration can be honoured; each word for itself.
template <typename Check>
Switches honoured(std::string_view option, std::string_view text, Check check, std::vector<std::string>* complaints) {
  Switches switches;
  for (const std::string_view word : os::words_in(text)) {
    auto one = parse(option, word, check);
    if (one)
      switches.merge(*one);
    else if (complaints != nullptr)
      complaints->push_back(one.error().message);
  }
  return switches;
}

}  // namespace

Result<Switches> parse_features(std::string_view text) { return parse("features", text, feature_for); }
Result<Switches> parse_capabilities(std::string_view text) { return parse("capability", text, capability_for); }

std::string text_of(const Switches& switches) {
  std::string text;
  for (const auto& [name, on] : switches) text += fmt::format("{}{}:{}", text.empty() ? "" : " ", name, on ? "on" : "off");
  return text;
}

std::string changed(std::string_view configured, const Switches& changes) {
  std::string kept;
  for (const std::string_view word : os::words_in(configured)) {
    const std::string_view name = word.substr(0, word.find(':'));
    const bool again = std::ranges::any_of(
        changes, [&](const auto& one) { return changed_case(one.first, std::tolower) == changed_case(name, std::tolower); });
    if (!again) kept += fmt::format("{}{}", kept.empty() ? "" : " ", word);
  }
  const std::string more = text_of(changes);
  return kept + (kept.empty() || more.empty() ? "" : " ") + more;
}

std::vector<std::string> complaints_of(std::string_view features, std::string_view capabilities) {
  std::vector<std::string> complaints;
  (void)honoured("features", features, feature_for, &complaints);
  (void)honoured("capability", capabilities, capability_for, &complaints);
  return complaints;
}

void grant_features(std::string_view features, isolate::GuestSpec& spec, std::vector<std::string>& notes) {
  for (const auto& [name, on] : honoured("features", features, feature_for, nullptr)) {
    const Feature* feature = find_feature(name);
    if (!on || feature->module.empty()) continue;
    isolate::load_module(feature->module);
    if (feature->device.empty()) continue;
    struct stat seen{};
    if (::stat(fmt::format("/dev/{}", feature->device).c_str(), &seen) != 0 || !S_ISCHR(seen.st_mode))
      notes.push_back(
          fmt::format("feature {} is on, and this host has no /dev/{}: load its module {}", name, feature->device, feature->module));
    else
      spec.devices.push_back({std::string{feature->device}, S_IFCHR | 0666, seen.st_rdev});
  }
}

std::vector<int> denied_capabilities(std::string_view capabilities) {
  std::vector<int> denied;
  for (const auto& [name, on] : honoured("capability", capabilities, capability_for, nullptr))
    if (!on) denied.push_back(isolate::capability_named(name).value_or(-1));
  return denied;
}

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
// What lies where below the directory of pins, and what is pinned by which name. For bpf/ alone.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "bpf/attached_hooks.h"

namespace ubc::bpf {

/// Its name there, and its name in the object, where global data goes by its section.
struct PinnedMap {
  const char* pin;
  const char* map;
};
inline constexpr PinnedMap kPinnedMaps[] = {
    {"ledger", ".bss"},           {"overflow", "overflow"},           {"cgroups", "cgroups"},
    {"health", "health"},         {"last_refusals", "last_refusals"}, {"refusal_log", "refusal_log"},
    {"marks", ".data.marks"},     {"settings", ".data.settings"},     {"buffers", ".data.buffers"},
    {"containers", "containers"}, {"cgroups_aside", "cgroups_aside"}};

/// A program that prints: the map it walks, and the file that `cat` reads.
struct Printer {
  std::string_view program;
  const char* map;
  const char* file;
};
inline constexpr Printer kPrinters[] = {{"print_all", "containers", kAllBeancounters}, {"print_own", "health", kOwnBeancounters}};

inline std::string links_in(const std::string& pins) { return pins + "/links"; }
inline std::string maps_in(const std::string& pins) { return pins + "/maps"; }
inline std::string link_in(const std::string& pins, std::string_view program) { return fmt::format("{}/{}", links_in(pins), program); }
/// Programs that nothing triggers but a call of ours.
inline std::string requests_in(const std::string& pins) { return pins + "/requests"; }
/// Where the next generation of programs is pinned until it takes the place of the present one: a directory of pins, without maps.
inline std::string next_in(const std::string& pins) { return pins + "/next"; }
/// Pinned last: what is there without it is half done.
inline std::string mark_in(const std::string& pins) { return pins + "/complete"; }
inline std::string mark_in(const std::string& pins, HookGroup group) { return fmt::format("{}/complete-{}", pins, name_of(group)); }
/// Says which programs are attached, by its name.
inline constexpr std::string_view kProgramsMark = "programs-";

/// Takes off all that is pinned there.
void remove_pins(const std::string& pins);

class HookObject;
/// These are the programs that are attached now.
[[nodiscard]] Result<> mark_programs(const HookObject& object, const std::string& pins);

}  // namespace ubc::bpf

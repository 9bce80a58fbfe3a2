// SPDX-License-Identifier: Apache-2.0
// What a resource is called and measured in: the one table. Columns, options, configuration keys and docs are derived from it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "bpf/ubc_abi.h"
#include "os/result.h"

namespace ubc::accounting {

enum class Unit { items, bytes, pages };

/// Bytes of a page of this architecture (x86-64).
inline constexpr std::uint64_t kPageSize = 4096;

struct ResourceInfo {
  ubc_resource resource;
  std::string_view name;     ///< as in /proc/user_beancounters; upper case it is the configuration key
  Unit unit;
  std::string_view heading;  ///< vzlist's column
  bool counted;              ///< this version counts it
};

/// In OpenVZ's order and numbering (ubc-semantics: rows of /proc/user_beancounters, then swappages), and ours after them.
inline constexpr auto kResources = std::to_array<ResourceInfo>({
    {UBC_KMEMSIZE, "kmemsize", Unit::bytes, "KMEMSIZE", true},
    {UBC_LOCKEDPAGES, "lockedpages", Unit::pages, "LOCKEDP", true},
    {UBC_PRIVVMPAGES, "privvmpages", Unit::pages, "PRIVVMP", true},
    {UBC_SHMPAGES, "shmpages", Unit::pages, "SHMP", true},
    {UBC_NUMPROC, "numproc", Unit::items, "NPROC", true},
    {UBC_PHYSPAGES, "physpages", Unit::pages, "PHYSP", true},
    {UBC_VMGUARPAGES, "vmguarpages", Unit::pages, "VMGUARP", true},
    {UBC_OOMGUARPAGES, "oomguarpages", Unit::pages, "OOMGUARP", true},
    {UBC_NUMTCPSOCK, "numtcpsock", Unit::items, "NTCPSOCK", true},
    {UBC_NUMFLOCK, "numflock", Unit::items, "NFLOCK", true},
    {UBC_NUMPTY, "numpty", Unit::items, "NPTY", true},
    {UBC_NUMSIGINFO, "numsiginfo", Unit::items, "NSIGINFO", true},
    {UBC_TCPSNDBUF, "tcpsndbuf", Unit::bytes, "TCPSNDB", true},
    {UBC_TCPRCVBUF, "tcprcvbuf", Unit::bytes, "TCPRCVB", true},
    {UBC_OTHERSOCKBUF, "othersockbuf", Unit::bytes, "OTHSOCKB", true},
    {UBC_DGRAMRCVBUF, "dgramrcvbuf", Unit::bytes, "DGRAMRB", true},
    {UBC_NUMOTHERSOCK, "numothersock", Unit::items, "NOTHSOCK", true},
    {UBC_DCACHESIZE, "dcachesize", Unit::bytes, "DCACHESZ", false},
    {UBC_NUMFILE, "numfile", Unit::items, "NFILE", true},
    {UBC_NUMIPTENT, "numiptent", Unit::items, "NIPTENT", false},
    {UBC_SWAPPAGES, "swappages", Unit::pages, "SWAPP", true},
    {UBC_NUMINOTIFY, "numinotify", Unit::items, "NINOTIFY", true},
    {UBC_NUMWATCH, "numwatch", Unit::items, "NWATCH", true},
    {UBC_NUMMSGQUEUE, "nummsgqueue", Unit::items, "NMSGQ", true},
    {UBC_NUMSEMSET, "numsemset", Unit::items, "NSEMSET", true},
    {UBC_NUMUSERNS, "numuserns", Unit::items, "NUSERNS", true},
    {UBC_NUMMOUNT, "nummount", Unit::items, "NMOUNT", true},
    {UBC_NUMBPF, "numbpf", Unit::items, "NBPF", true},
});

/// The rows of the classic table, dummies included.
inline constexpr int kClassicRows = 24;

/// By name, either case ("numproc", "NUMPROC"); also the old aliases DCACHE and IPTENTRIES. nullptr: no such resource.
[[nodiscard]] const ResourceInfo* find_resource(std::string_view name);
/// The same for what a person typed. Fails with Code::bad_value and the nearest name.
[[nodiscard]] Result<const ResourceInfo*> parse_resource(std::string_view name);
/// nullptr: a dummy row.
[[nodiscard]] const ResourceInfo* info_of(ubc_resource resource);

/// By number; empty where there is none (a dummy row).
[[nodiscard]] constexpr std::array<std::string_view, UBC_RESOURCES> names_by_number() {
  std::array<std::string_view, UBC_RESOURCES> names{};
  for (const ResourceInfo& info : kResources) names[info.resource] = info.name;
  return names;
}
static_assert(std::ranges::all_of(kResources, [](const ResourceInfo& info) { return info.name.size() < UBC_RESOURCE_NAME; }));

/// The resource whose name is closest to a mistyped one, if any is close.
[[nodiscard]] std::optional<std::string_view> nearest_name(std::string_view mistyped);

}  // namespace ubc::accounting

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
};

/// In OpenVZ's order and numbering (ubc-semantics: rows of /proc/user_beancounters, then swappages), and ours after them.
inline constexpr auto kResources = std::to_array<ResourceInfo>({
    {UBC_KMEMSIZE, "kmemsize", Unit::bytes, "KMEMSIZE"},
    {UBC_LOCKEDPAGES, "lockedpages", Unit::pages, "LOCKEDP"},
    {UBC_PRIVVMPAGES, "privvmpages", Unit::pages, "PRIVVMP"},
    {UBC_SHMPAGES, "shmpages", Unit::pages, "SHMP"},
    {UBC_NUMPROC, "numproc", Unit::items, "NPROC"},
    {UBC_PHYSPAGES, "physpages", Unit::pages, "PHYSP"},
    {UBC_VMGUARPAGES, "vmguarpages", Unit::pages, "VMGUARP"},
    {UBC_OOMGUARPAGES, "oomguarpages", Unit::pages, "OOMGUARP"},
    {UBC_NUMTCPSOCK, "numtcpsock", Unit::items, "NTCPSOCK"},
    {UBC_NUMFLOCK, "numflock", Unit::items, "NFLOCK"},
    {UBC_NUMPTY, "numpty", Unit::items, "NPTY"},
    {UBC_NUMSIGINFO, "numsiginfo", Unit::items, "NSIGINFO"},
    {UBC_TCPSNDBUF, "tcpsndbuf", Unit::bytes, "TCPSNDB"},
    {UBC_TCPRCVBUF, "tcprcvbuf", Unit::bytes, "TCPRCVB"},
    {UBC_OTHERSOCKBUF, "othersockbuf", Unit::bytes, "OTHSOCKB"},
    {UBC_DGRAMRCVBUF, "dgramrcvbuf", Unit::bytes, "DGRAMRB"},
    {UBC_NUMOTHERSOCK, "numothersock", Unit::items, "NOTHSOCK"},
    {UBC_DCACHESIZE, "dcachesize", Unit::bytes, "DCACHESZ"},
    {UBC_NUMFILE, "numfile", Unit::items, "NFILE"},
    {UBC_NUMIPTENT, "numiptent", Unit::items, "NIPTENT"},
    {UBC_SWAPPAGES, "swappages", Unit::pages, "SWAPP"},
    {UBC_NUMINOTIFY, "numinotify", Unit::items, "NINOTIFY"},
    {UBC_NUMWATCH, "numwatch", Unit::items, "NWATCH"},
    {UBC_NUMMSGQUEUE, "nummsgqueue", Unit::items, "NMSGQ"},
    {UBC_NUMSEMSET, "numsemset", Unit::items, "NSEMSET"},
    {UBC_NUMUSERNS, "numuserns", Unit::items, "NUSERNS"},
    {UBC_NUMMOUNT, "nummount", Unit::items, "NMOUNT"},
    {UBC_NUMBPF, "numbpf", Unit::items, "NBPF"},
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

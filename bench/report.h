// SPDX-License-Identifier: Apache-2.0
// The figures as tables, as lines for a program to read, and held against the targets.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <tuple>

#include "bench/operations.h"

namespace ubc::bench {

enum class Programs { none, empty, ours };
enum class Place {
  host,      ///< a host's user, no guest
  guest,     ///< a uid of a slot
  adopted,   ///< a host's user in a cgroup that is mapped to a slot
  bystander, ///< as host, while some cgroup is mapped
  crowd,     ///< as guest, beside 1,000 other containers
  limited,   ///< as guest, in a cgroup, with all groups of hooks attached and numbers on what they count
};

inline constexpr auto kPrograms = std::to_array({Programs::none, Programs::empty, Programs::ours});
inline constexpr auto kPlaces = std::to_array({Place::host, Place::guest, Place::adopted, Place::bystander, Place::crowd, Place::limited});

[[nodiscard]] std::string_view name_of(Programs programs);
[[nodiscard]] std::string_view name_of(Place place);

/// By operation, an index of operations().
using Figures = std::map<std::tuple<Programs, Place, std::size_t>, Figure>;

/// Prints all to standard output; the kernel's release goes into each line for programs.
void print_report(const Figures& figures, const std::string& release);

}  // namespace ubc::bench

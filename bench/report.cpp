// SPDX-License-Identifier: Apache-2.0
#include "bench/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ubc::bench {
namespace {

constexpr double kCrowdWithin = 1.01;

double figure(const Figures& figures, Programs programs, Place place, std::size_t operation) {
  const auto found = figures.find({programs, place, operation});
  return found == figures.end() ? 0 : found->second.median;
}

double ratio(double value, double base) { return base > 0 ? value / base : 0; }

void print_table(const Figures& figures, Place place) {
  fmt::print("\n{:<20}{:>12}{:>12}{:>8}{:>12}{:>8}{:>12}\n", name_of(place), "no programs", "empty hooks", "ratio", "ours", "ratio",
             "ours/empty");
  for (std::size_t i = 0; i < operations().size(); ++i) {
    const double none = figure(figures, Programs::none, place, i);
    const double empty = figure(figures, Programs::empty, place, i);
    const double ours = figure(figures, Programs::ours, place, i);
    if (ours == 0) continue;
    fmt::print("{:<20}{:>12.0f}{:>12.0f}{:>8.3f}{:>12.0f}{:>8.3f}{:>12.3f}\n", operations()[i].name, none, empty, ratio(empty, none), ours,
               ratio(ours, none), ratio(ours, empty));
  }
}

void print_lines(const Figures& figures, const std::string& release) {
  for (const auto& [key, value] : figures) {
    const auto& [programs, place, operation] = key;
    fmt::print("ubc-bench kernel={} operation={} place={} programs={} median={:.0f} least={:.0f} most={:.0f}\n", release,
               operations()[operation].name, name_of(place), name_of(programs), value.median, value.least, value.most);
  }
}

void judge(std::string_view operation, std::string_view what, double seen, double target) {
  if (target > 0 && seen > 0)
    fmt::print("{:<8}{:<20}{:<36}{:.3f} (target {:.2f})\n", seen <= target ? "met" : "MISSED", operation, what, seen, target);
}

void print_verdicts(const Figures& figures) {
  fmt::print("\n");
  for (std::size_t i = 0; i < operations().size(); ++i) {
    const auto& [name, per_round, measure, target] = operations()[i];
    const auto of = [&](Programs programs, Place place) { return figure(figures, programs, place, i); };
    const double ours = of(Programs::ours, Place::guest);
    judge(name, "in a guest, to no programs", ratio(ours, of(Programs::none, Place::guest)), target.guest_to_none);
    judge(name, "in a guest, to empty hooks", ratio(ours, of(Programs::empty, Place::guest)), target.guest_to_empty);
    judge(name, "outside, to empty hooks", ratio(of(Programs::ours, Place::host), of(Programs::empty, Place::host)), target.host_to_empty);
    judge(name, "outside, to no programs", ratio(of(Programs::ours, Place::host), of(Programs::none, Place::host)), target.host_to_none);
    if (target.host_to_none > 0)
      judge(name, "with every number, to no programs", ratio(of(Programs::ours, Place::limited), of(Programs::none, Place::limited)),
            target.guest_to_none);
    judge(name, "beside 1,000 others, to alone", ratio(of(Programs::ours, Place::crowd), ours), kCrowdWithin);
  }
}

}  // namespace

std::string_view name_of(Programs programs) {
  switch (programs) {
    case Programs::none: return "none";
    case Programs::empty: return "empty";
    case Programs::ours: return "ours";
  }
  std::unreachable();
}

std::string_view name_of(Place place) {
  switch (place) {
    case Place::host: return "host";
    case Place::guest: return "guest";
    case Place::adopted: return "adopted";
    case Place::bystander: return "bystander";
    case Place::crowd: return "crowd";
    case Place::limited: return "limited";
  }
  std::unreachable();
}

void print_report(const Figures& figures, const std::string& release) {
  print_lines(figures, release);
  for (const Place place : kPlaces)
    if (std::ranges::any_of(figures, [&](const auto& each) { return std::get<Place>(each.first) == place; })) print_table(figures, place);
  print_verdicts(figures);
}

}  // namespace ubc::bench

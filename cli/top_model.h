// SPDX-License-Identifier: Apache-2.0
// ubctl top without its terminal: what was read, what is selected, what keys do. (Pure; cli/top_picture.h makes lines of it.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "accounting/beancounter.h"
#include "accounting/usage_rows.h"
#include "cli/picture.h"
#include "container/limit_change.h"
#include "container/refusals.h"

namespace ubc::cli {

/// A running container at one look.
struct TopRow {
  std::uint32_t id = 0;
  std::string name;                    ///< as it is said; may hold anything
  bool adopted = false;
  accounting::Snapshot counters;
  std::optional<double> cpu_seconds;   ///< used so far
};

struct TopReading {
  double seconds = 0;                         ///< since any moment, the same for all readings
  std::string clock;                          ///< for people
  std::vector<TopRow> rows;
  std::vector<container::Refusal> refusals;   ///< the last ones of the container that is looked into
  std::vector<accounting::UsageRow> usage;    ///< of that container
  std::vector<std::string> failures;          ///< what could not be read
};

enum class TopColumn { nearest, ctid, name, numproc, physpages, cpu, fails };
inline constexpr int kTopColumns = 7;

/// A row, and what the look before says of it.
struct TopEntry {
  TopRow row;
  std::optional<accounting::Snapshot> before = {};
  std::optional<double> cpu_percent = {};                  ///< of one CPU, since
  std::uint64_t new_fails = 0;                             ///< refused since, of all resources
  const accounting::ResourceInfo* nearest = nullptr;       ///< whose bound is nearest; nullptr: nothing refuses
  std::uint64_t percent = 0;                               ///< of that bound
};

enum class TopView { list, container, help };
enum class TopPrompt { none, filter, numbers, confirm };

struct TopState {
  std::vector<TopEntry> entries;
  double seconds = 0;
  std::string clock, trouble;
  std::vector<container::Refusal> refusals;
  std::vector<accounting::UsageRow> usage, usage_before;   ///< of the container that is looked into, now and at the look before
  double usage_seconds = 0;                     ///< between these two; 0: there was none
  TopColumn sort = TopColumn::nearest;
  bool reversed = false;                        ///< the least first
  std::string filter;
  std::uint32_t selected = 0;                   ///< a container's id; 0: none is there
  std::size_t place = 0;                        ///< where it stood in the list
  TopView view = TopView::list, below_help = TopView::list;
  std::size_t line = 0;                         ///< selected in the view of a container: of counted_resources(), then of usage
  TopPrompt prompt = TopPrompt::none;
  std::string typed;                            ///< at the prompt
  accounting::AllLimits limits;                 ///< to be confirmed
  std::vector<container::LimitChange> preview;
  std::string message;
  bool alarming = false;                        ///< the message tells of a failure
};

/// What the model can't do itself.
struct TopWish {
  enum class Kind { none, quit, read, preview, apply };
  Kind kind = Kind::none;
  std::uint32_t id = 0;
  accounting::AllLimits limits;
};

/// The resources that the view of a container has lines for.
[[nodiscard]] std::vector<const accounting::ResourceInfo*> counted_resources();
/// The line of usage that is selected in a container; nullptr: a resource is.
[[nodiscard]] const accounting::UsageRow* selected_usage(const TopState& state);
/// The containers that pass the filter, sorted.
[[nodiscard]] std::vector<const TopEntry*> visible(const TopState& state);
/// nullptr: none is there.
[[nodiscard]] const TopEntry* selected_entry(const TopState& state);

void take_reading(TopState& state, TopReading reading);
/// `spots`: of the picture that the mouse was on.
[[nodiscard]] TopWish press(TopState& state, const Key& key, ScreenSize size, const std::vector<Spot>& spots = {});
void take_preview(TopState& state, const Result<std::vector<container::LimitChange>>& preview);
/// What a try to apply came to, with the notes that it gave.
void take_applied(TopState& state, const Result<>& applied, const std::vector<std::string>& notes);

}  // namespace ubc::cli

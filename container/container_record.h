// SPDX-License-Identifier: Apache-2.0
// What exists, on disk: private areas with their slots, names, and the record of what runs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "container/host.h"
#include "container/network_settings.h"
#include "os/result.h"

namespace ubc::container {

/// vzctl's range of container ids.
inline constexpr std::uint32_t kMaxId = 2147483644;

/// A number is an id whether or not it exists; anything else is looked up as a name. Fails with Code::bad_value, or Code::not_found for a
/// name.
[[nodiscard]] Result<std::uint32_t> resolve_id(const Host& host, std::string_view text);
/// Letters, digits, blank and "-_.+", no leading blank or dot, at most 64.
[[nodiscard]] Result<> check_name(std::string_view name);
/// Fails with Code::exists where another container has the name. An empty name clears.
[[nodiscard]] Result<> assign_name(const Host& host, std::uint32_t id, const std::string& name);
void drop_names(const Host& host, std::uint32_t id);

/// All ids that have a configuration or a private area, or are adopted, ascending.
[[nodiscard]] std::vector<std::uint32_t> known_ids(const Host& host);
/// Those of them that have a record of a run, or are adopted. All others are stopped, which who looks at thousands need not ask of each.
[[nodiscard]] std::set<std::uint32_t> recorded_ids(const Host& host);

/// The slot that a private area was made with: it keeps it from create to destroy. An adopted container's: 0 where no hook counts it.
[[nodiscard]] Result<std::uint32_t> slot_of(const Host& host, std::uint32_t id);
/// The lowest slot that neither a private area nor a group has and of which nothing is charged. The caller holds the slots' lock.
[[nodiscard]] Result<std::uint32_t> free_slot(const Host& host);

/// Puts what a container is to have from its beginning into the directories of a private area that nobody sees yet; its ids begin at
/// `base`.
using AreaFill = std::function<Result<>(const std::string& area, uid_t base)>;
/// A private area with upper/ and work/ owned by the slot's ids, visible only when complete. Fails with Code::exists.
[[nodiscard]] Result<> make_area(const Host& host, std::uint32_t id, std::string_view template_name, const AreaFill& fill);
[[nodiscard]] Result<std::string> template_of(const Host& host, std::uint32_t id);
/// Out of sight at once, then deleted.
[[nodiscard]] Result<> remove_area(const Host& host, std::uint32_t id);

/// What `start` leaves for later commands. The start time keeps a reused pid from being taken for the guest's.
struct RunRecord {
  bool starting = true;   ///< its writer has not finished: if the lock is free, it died
  pid_t init_pid = -1;
  std::uint64_t init_start_time = 0;
  std::int64_t started_at = 0;   ///< seconds since the epoch
  std::string capabilities;      ///< CAPABILITY, as it was at its start
  std::string group;             ///< that it runs in, whatever its configuration says by now; empty: none
  Addresses addresses;           ///< that it has now, and has a link for
  BridgedLinks bridged;          ///< likewise
  /// Its writer has not finished: if the lock is free, it died, and those two are what it had or was to get.
  bool network_changing = false;
};
[[nodiscard]] std::optional<RunRecord> read_record(const Host& host, std::uint32_t id);
[[nodiscard]] Result<> write_record(const Host& host, std::uint32_t id, const RunRecord& record);
void remove_record(const Host& host, std::uint32_t id);

}  // namespace ubc::container

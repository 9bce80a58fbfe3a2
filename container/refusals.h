// SPDX-License-Identifier: Apache-2.0
// Who was refused what: the kernel's records joined with the containers that they are about.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "accounting/limits.h"
#include "accounting/resource.h"
#include "bpf/refusal_log.h"
#include "container/host.h"

namespace ubc::container {

/// What CLOCK_MONOTONIC said `time_ns` at, by both clocks as they are now: a step of the wall clock moves past times with it.
[[nodiscard]] std::chrono::system_clock::time_point wall_time(std::uint64_t time_ns);

struct Refusal {
  std::chrono::system_clock::time_point time;
  std::uint32_t id = 0;            ///< the container's; 0: of a slot that no container has any more
  std::string name;                ///< of the container, may be empty
  std::string group;               ///< whose number refused; empty: the container's own did. "?": one that is no more
  ubc_resource resource{};
  std::uint64_t amount = 0;        ///< asked for, in the resource's unit
  std::uint64_t held = 0;          ///< then; with barrier and limit of who refused
  std::uint64_t barrier = 0, limit = 0;
  std::uint32_t pid = 0;           ///< on the host; 0: refused in an interrupt, for nobody in particular
  std::uint32_t uid = 0;           ///< inside the container
  std::string program;             ///< the task's name, control characters made visible; empty with pid 0
  std::string call;                ///< the system call, or what happened outside of one
};

/// The numbers that would have let it pass, with a quarter to spare, the pair's distance kept.
[[nodiscard]] accounting::Limits cure_for(const Refusal& refusal);
/// The `ubctl set` line that gives them, in the units that it takes.
[[nodiscard]] std::string cure_line(const Refusal& refusal);

/// Slot → container or group, as they are now.
class SlotOwners {
 public:
  explicit SlotOwners(const Host& host);
  [[nodiscard]] Refusal describe(const ubc_refusal& raw) const;

 private:
  struct Owner {
    std::uint32_t id;
    std::string name;
  };
  std::map<std::uint32_t, Owner> by_slot_;
  std::map<std::uint32_t, std::string> groups_;
  std::uint32_t uid_base_;
};

/// The last refusal of each resource of one container, or by one group, latest first.
[[nodiscard]] std::vector<Refusal> describe_all(const bpf::LastRefusals& last, const SlotOwners& owners);

/// The same for a container by its id; none where no hooks are attached.
[[nodiscard]] std::vector<Refusal> last_refusals(const Host& host, std::uint32_t id);
/// The same by slot: also those by a group.
[[nodiscard]] std::vector<Refusal> last_refusals_in(const Host& host, std::uint32_t slot);

}  // namespace ubc::container

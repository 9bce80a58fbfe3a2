// SPDX-License-Identifier: Apache-2.0
// The mapped ledger: every container's counters, read and tuned without a system call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "bpf/ubc_abi.h"
#include "os/result.h"

namespace ubc::bpf {

/// Where the hooks and the ledger are pinned.
inline constexpr const char* kPinDirectory = "/sys/fs/bpf/ubc";

/// Not charged by hooks: the memory controller counts them, and whoever reads it publishes them in the ledger.
inline constexpr ubc_resource kSampledResources[] = {UBC_KMEMSIZE, UBC_DCACHESIZE, UBC_PHYSPAGES, UBC_OOMGUARPAGES, UBC_SWAPPAGES};
/// What the kernel counts by itself: publish_counts() copies it to the ledger.
inline constexpr ubc_resource kPublishedResources[] = {UBC_NUMSIGINFO, UBC_NUMINOTIFY, UBC_NUMWATCH, UBC_NUMUSERNS, UBC_NUMMOUNT};

/// A map of the kernel's, mapped shared. Move-only.
class MappedMap {
 public:
  MappedMap() = default;
  MappedMap(MappedMap&& other) noexcept;
  MappedMap& operator=(MappedMap other) noexcept;
  ~MappedMap();
  /// Maps the pinned map at `path`: `entries` values of `value_size` bytes, writable unless `read_only`.
  [[nodiscard]] static Result<MappedMap> open(const std::string& path, std::size_t entries, std::size_t value_size, bool read_only);
  /// Only the page, or pages, of `bytes` bytes at `offset`; data() is the first byte of the first page.
  [[nodiscard]] static Result<MappedMap> open_part(const std::string& path, std::size_t offset, std::size_t bytes, bool read_only);
  [[nodiscard]] void* data() const { return data_; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

class Ledger {
 public:
  /// Fails with Code::not_found where no hooks are attached (nothing is pinned below `pins`).
  [[nodiscard]] static Result<Ledger> open(const std::string& pins = kPinDirectory);
  /// The same for one container: only the settings and the counters of `slot`, and of the group that it is in, may be asked for. The kernel
  /// maps page by page, and copies page by page at each fork: 2,048 of them for all slots.
  [[nodiscard]] static Result<Ledger> open_one(std::uint32_t slot, const std::string& pins = kPinDirectory);

  /// A copy of the counter as it is now; slot and resource must be in range.
  [[nodiscard]] ubc_counter read(std::uint32_t slot, ubc_resource resource) const;
  /// Takes effect with the next charge. A number below held blocks growth only. The two stores are not one: a charge between them
  /// sees the new barrier with the old limit.
  void set_limits(std::uint32_t slot, ubc_resource resource, std::uint64_t barrier, std::uint64_t limit);
  /// A new container's numbers: nothing failed, no limits; held stays, since it is what the hooks' objects add up to, but for the
  /// copies of the kernel's own counts, of which a container without a process has none.
  void reset(std::uint32_t slot);
  /// The same for a group none of whose members runs. Of copies of the kernel's own counts it holds what they do.
  void reset_group(std::uint32_t slot);
  /// The group that the slot is charged with, 0: none.
  [[nodiscard]] std::uint32_t group_of(std::uint32_t slot) const;
  /// From now on what is charged to the slot is charged to `group` too (0: to none). The slot is idle, or in that group already: what it
  /// holds would be given back to a group that never paid.
  [[nodiscard]] Result<> join(std::uint32_t slot, std::uint32_t group);
  /// For what is sampled rather than hooked: held as read, maxheld and failcnt never below what they were.
  struct Sample {
    std::uint64_t held = 0, maxheld = 0, failcnt = 0;
  };
  void note_sampled(std::uint32_t slot, ubc_resource resource, const Sample& sample);
  /// No process of the slot is left: nor is what the kernel counted by itself.
  void clear_published(std::uint32_t slot);
  /// True where no object of the slot is charged: the slot may go to another container.
  [[nodiscard]] bool idle(std::uint32_t slot) const;
  /// Whom the next census is for, and the slot that has paid for it so far (0: nobody).
  void set_census(std::uint32_t slot, std::uint32_t paid_so_far);

  [[nodiscard]] ubc_settings settings() const;
  void set_fork_errno(int sys_errno);
  void set_audited_misses(std::uint64_t misses);
  [[nodiscard]] ubc_health health() const;

 private:
  /// A run of slots, mapped.
  struct Part {
    MappedMap map;
    std::uint32_t first = 0, count = 0;
  };
  [[nodiscard]] static Result<Part> map_page_of(std::uint32_t slot, const std::string& pins);
  [[nodiscard]] Result<> map_group_of(std::uint32_t slot);
  [[nodiscard]] ubc_counter& counter(std::uint32_t slot, ubc_resource resource) const;
  [[nodiscard]] ubc_settings& settings_now() const;
  void publish(std::uint32_t slot, ubc_resource resource, std::uint64_t held);

  std::string pins_;
  Part slots_, group_;  ///< group_: of the slot that the ledger was opened for; empty where slots_ has it
  MappedMap settings_, health_;
};

}  // namespace ubc::bpf

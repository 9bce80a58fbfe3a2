// SPDX-License-Identifier: Apache-2.0
// What the kernel remembers of refusals: the last of each container and resource, and a log that any number of readers follow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bpf/ledger.h"

namespace ubc::bpf {

class RefusalLog {
 public:
  /// Fails with Code::not_found where no hooks are attached.
  [[nodiscard]] static Result<RefusalLog> open(const std::string& pins = kPinDirectory);

  /// Entries ever written: where a reader of what is to come begins.
  [[nodiscard]] std::uint64_t written() const;

  struct Batch {
    std::vector<ubc_refusal> entries;   ///< in the order of their numbers
    std::uint64_t next = 0;             ///< the cursor to go on with
    std::uint64_t missed = 0;           ///< overwritten before this reader came
  };
  /// All entries from number `cursor` + 1 on. An entry that is being written ends the batch: the next call has it.
  [[nodiscard]] Batch since(std::uint64_t cursor) const;

 private:
  MappedMap log_;
};

/// The last refusals of one container. Mapped alone: the kernel maps every page of a map at once, and all slots' are 12 MiB.
class LastRefusals {
 public:
  /// Fails with Code::not_found where no hooks are attached.
  [[nodiscard]] static Result<LastRefusals> open(std::uint32_t slot, const std::string& pins = kPinDirectory);
  /// nullopt: none since the hooks were attached, or it is being written this instant.
  [[nodiscard]] std::optional<ubc_refusal> of(ubc_resource resource) const;
  /// The slot goes to another container: none refused yet.
  void forget();

 private:
  [[nodiscard]] ubc_last_refusals& entries() const;
  MappedMap map_;
  std::size_t in_page_ = 0;   ///< where the slot's begin
};

}  // namespace ubc::bpf

// SPDX-License-Identifier: Apache-2.0
#include "bpf/refusal_log.h"

#include <unistd.h>

#include <algorithm>
#include <cstddef>

#include "bpf/shared_word.h"

namespace ubc::bpf {
namespace {

/// A copy, if the entry had the number before and after.
std::optional<ubc_refusal> copy_if(const ubc_refusal& entry, std::uint64_t number) {
  if (load(entry.sequence) != number) return std::nullopt;
  const ubc_refusal copy = entry;
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return load(entry.sequence) == number ? std::optional{copy} : std::nullopt;
}

}  // namespace

Result<RefusalLog> RefusalLog::open(const std::string& pins) {
  RefusalLog log;
  log.log_ = UBC_TRY(MappedMap::open(pins + "/maps/refusal_log", 1, sizeof(ubc_refusal_log), true));
  return log;
}

std::uint64_t RefusalLog::written() const { return load(static_cast<const ubc_refusal_log*>(log_.data())->written); }

RefusalLog::Batch RefusalLog::since(std::uint64_t cursor) const {
  const auto& log = *static_cast<const ubc_refusal_log*>(log_.data());
  const std::uint64_t end = written();
  Batch batch;
  const std::uint64_t first = std::max(cursor, end > UBC_LOG_ENTRIES ? end - UBC_LOG_ENTRIES : 0);
  batch.missed = first - std::min(cursor, first);
  batch.next = first;
  for (; batch.next < end; ++batch.next) {
    const ubc_refusal& entry = log.entries[batch.next % UBC_LOG_ENTRIES];
    if (const auto copy = copy_if(entry, batch.next + 1)) {
      batch.entries.push_back(*copy);
      continue;
    }
    const std::uint64_t number = load(entry.sequence);
    if (number == UBC_BEING_WRITTEN || number <= batch.next) break;
    ++batch.missed;   // a lap ahead already
  }
  return batch;
}

Result<LastRefusals> LastRefusals::open(std::uint32_t slot, const std::string& pins) {
  LastRefusals last;
  const std::size_t offset = std::size_t{slot % UBC_MAX_SLOTS} * sizeof(ubc_last_refusals);
  last.map_ = UBC_TRY(MappedMap::open_part(pins + "/maps/last_refusals", offset, sizeof(ubc_last_refusals), false));
  last.in_page_ = offset % static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return last;
}

ubc_last_refusals& LastRefusals::entries() const {
  return *reinterpret_cast<ubc_last_refusals*>(static_cast<std::byte*>(map_.data()) + in_page_);
}

std::optional<ubc_refusal> LastRefusals::of(ubc_resource resource) const {
  const ubc_refusal& entry = entries().of[resource % UBC_RESOURCES];
  const std::uint64_t number = load(entry.sequence);
  return number == 0 || number == UBC_BEING_WRITTEN ? std::nullopt : copy_if(entry, number);
}

void LastRefusals::forget() {
  for (ubc_refusal& entry : entries().of) store(entry.sequence, 0);
}

}  // namespace ubc::bpf

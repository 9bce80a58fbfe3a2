// SPDX-License-Identifier: Apache-2.0
#include "bpf/ledger.h"

#include <bpf/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>

#include "bpf/shared_word.h"
#include "os/fd.h"

namespace ubc::bpf {
namespace {

bool lists(std::span<const ubc_resource> list, std::size_t resource) { return std::ranges::find(list, resource) != list.end(); }
/// Nobody gives it back: a container without a process has none of it.
bool is_copied(std::size_t resource) { return lists(kSampledResources, resource) || lists(kPublishedResources, resource); }

}  // namespace

MappedMap::MappedMap(MappedMap&& other) noexcept : data_{std::exchange(other.data_, nullptr)}, size_{std::exchange(other.size_, 0)} {}

MappedMap& MappedMap::operator=(MappedMap other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedMap::~MappedMap() {
  if (data_ != nullptr) (void)::munmap(data_, size_);
}

Result<MappedMap> MappedMap::open(const std::string& path, std::size_t entries, std::size_t value_size, bool read_only) {
  return open_part(path, 0, entries * value_size, read_only);
}

Result<MappedMap> MappedMap::open_part(const std::string& path, std::size_t offset, std::size_t bytes, bool read_only) {
  const os::Fd fd{bpf_obj_get(path.c_str())};
  if (!fd.valid()) return os::sys_error(errno, "open the pinned map", path);
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t first = offset / page * page;
  MappedMap map;
  map.size_ = (offset + bytes - first + page - 1) / page * page;
  void* data = ::mmap(nullptr, map.size_, read_only ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), static_cast<off_t>(first));
  if (data == MAP_FAILED) return os::sys_error(errno, "map", path);
  map.data_ = data;
  return map;
}

Result<Ledger> Ledger::open(const std::string& pins) {
  Ledger ledger;
  const std::string maps = pins + "/maps/";
  ledger.pins_ = pins;
  ledger.slots_ = {UBC_TRY(MappedMap::open(maps + "ledger", UBC_MAX_SLOTS, sizeof(ubc_beancounter), false)), 0, UBC_MAX_SLOTS};
  ledger.settings_ = UBC_TRY(MappedMap::open(maps + "settings", 1, sizeof(ubc_settings), false));
  ledger.health_ = UBC_TRY(MappedMap::open(maps + "health", 1, sizeof(ubc_health), true));
  return ledger;
}

Result<Ledger> Ledger::open_one(std::uint32_t slot, const std::string& pins) {
  Ledger ledger;
  ledger.pins_ = pins;
  ledger.slots_ = UBC_TRY(map_page_of(slot, pins));
  ledger.settings_ = UBC_TRY(MappedMap::open(pins + "/maps/settings", 1, sizeof(ubc_settings), false));
  UBC_TRY(ledger.map_group_of(slot));
  return ledger;
}

Result<Ledger::Part> Ledger::map_page_of(std::uint32_t slot, const std::string& pins) {
  const std::size_t offset = std::size_t{slot % UBC_MAX_SLOTS} * sizeof(ubc_beancounter);
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  Part part;
  part.map = UBC_TRY(MappedMap::open_part(pins + "/maps/ledger", offset, sizeof(ubc_beancounter), false));
  part.first = static_cast<std::uint32_t>(offset / page * page / sizeof(ubc_beancounter));
  part.count = static_cast<std::uint32_t>(page / sizeof(ubc_beancounter));
  return part;
}

Result<> Ledger::map_group_of(std::uint32_t slot) {
  const std::uint32_t group = group_of(slot);
  if (group == 0 || group - slots_.first < slots_.count) return {};
  group_ = UBC_TRY(map_page_of(group, pins_));
  return {};
}

ubc_counter& Ledger::counter(std::uint32_t slot, ubc_resource resource) const {
  slot %= UBC_MAX_SLOTS;
  const Part& part = slot - slots_.first < slots_.count || group_.count == 0 ? slots_ : group_;
  return static_cast<ubc_beancounter*>(part.map.data())[slot - part.first].counters[resource % UBC_RESOURCES];
}

ubc_settings& Ledger::settings_now() const { return *static_cast<ubc_settings*>(settings_.data()); }

ubc_counter Ledger::read(std::uint32_t slot, ubc_resource resource) const {
  const ubc_counter& now = counter(slot, resource);
  ubc_counter copy{};
  copy.held = load(now.held);
  copy.maxheld = load(now.maxheld);
  copy.barrier = load(now.barrier);
  copy.limit = load(now.limit);
  copy.failcnt = load(now.failcnt);
  copy.group = load(now.group);
  return copy;
}

void Ledger::set_limits(std::uint32_t slot, ubc_resource resource, std::uint64_t barrier, std::uint64_t limit) {
  ubc_counter& now = counter(slot, resource);
  store(now.barrier, barrier);
  store(now.limit, limit);
}

void Ledger::reset(std::uint32_t slot) {
  clear_published(slot);   // of an earlier run
  reset_group(slot);
}

void Ledger::reset_group(std::uint32_t slot) {
  for (unsigned index = 0; index < UBC_RESOURCES; ++index) {
    ubc_counter& now = counter(slot, static_cast<ubc_resource>(index));
    store(now.barrier, UBC_UNLIMITED);
    store(now.limit, UBC_UNLIMITED);
    store(now.failcnt, 0);
    if (lists(kSampledResources, index)) store(now.held, 0);   // of an earlier run
    store(now.maxheld, load(now.held));
  }
}

std::uint32_t Ledger::group_of(std::uint32_t slot) const {
  return static_cast<std::uint32_t>(load(counter(slot, UBC_KMEMSIZE).group) >> UBC_CHARGE_SLOT_SHIFT);
}

Result<> Ledger::join(std::uint32_t slot, std::uint32_t group) {
  for (unsigned index = 0; index < UBC_RESOURCES; ++index)
    store(counter(slot, static_cast<ubc_resource>(index)).group,
          group == 0 ? 0 : std::uint64_t{group} << UBC_CHARGE_SLOT_SHIFT | std::uint64_t{index} << UBC_CHARGE_RESOURCE_SHIFT);
  return map_group_of(slot);
}

/// As publish() in bpf/ucounts.bpf.h.
void Ledger::publish(std::uint32_t slot, ubc_resource resource, std::uint64_t held) {
  const std::uint64_t before = __atomic_exchange_n(&counter(slot, resource).held, held, __ATOMIC_SEQ_CST);
  if (const std::uint32_t group = group_of(slot); group != 0)
    (void)__atomic_fetch_add(&counter(group, resource).held, held - before, __ATOMIC_SEQ_CST);
}

void Ledger::clear_published(std::uint32_t slot) {
  for (const ubc_resource resource : kPublishedResources) publish(slot, resource, 0);
}

void Ledger::note_sampled(std::uint32_t slot, ubc_resource resource, const Sample& sample) {
  ubc_counter& now = counter(slot, resource);
  store(now.held, sample.held);
  store(now.maxheld, std::max({load(now.maxheld), sample.held, sample.maxheld}));
  store(now.failcnt, std::max(load(now.failcnt), sample.failcnt));
}

bool Ledger::idle(std::uint32_t slot) const {
  for (unsigned index = 0; index < UBC_RESOURCES; ++index)
    if (!is_copied(index) && load(counter(slot, static_cast<ubc_resource>(index)).held) != 0) return false;
  return true;
}

ubc_settings Ledger::settings() const {
  const ubc_settings& now = settings_now();
  ubc_settings copy{};
  copy.cgroup_slots = load(now.cgroup_slots);
  copy.fork_errno = load(now.fork_errno);
  copy.uid_base = load(now.uid_base);
  copy.object_bits = load(now.object_bits);
  copy.preemptible = load(now.preemptible);
  copy.audited_misses = load(now.audited_misses);
  copy.cgroups_aside = load(now.cgroups_aside);
  copy.census = load(now.census);
  return copy;
}

void Ledger::set_fork_errno(int sys_errno) { store(settings_now().fork_errno, static_cast<std::uint64_t>(sys_errno)); }

void Ledger::set_census(std::uint32_t slot, std::uint32_t paid_so_far) {
  store(settings_now().census, slot | std::uint64_t{paid_so_far} << 16);
}

void Ledger::set_audited_misses(std::uint64_t misses) { store(settings_now().audited_misses, misses); }

ubc_health Ledger::health() const {
  const auto& now = *static_cast<const ubc_health*>(health_.data());
  ubc_health copy{};
  for (unsigned index = 0; index < UBC_LOSSES; ++index) copy.losses[index] = load(now.losses[index]);
  copy.overflow_records = load(now.overflow_records);
  return copy;
}

}  // namespace ubc::bpf

// SPDX-License-Identifier: Apache-2.0
#include "accounting/charge_model.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace ubc::accounting {
namespace {

/// The largest held that a charge of this severity may reach.
std::uint64_t ceiling_of(const ModelCounter& counter, Severity severity) {
  switch (severity) {
    case Severity::refuse_over_barrier: return std::min(counter.barrier, counter.limit);
    case Severity::refuse_over_limit: return counter.limit;
    case Severity::never_refuse: return std::numeric_limits<std::uint64_t>::max();
  }
  std::unreachable();
}

}  // namespace

bool charge(ModelCounter& counter, std::uint64_t amount, Severity severity) {
  const std::uint64_t wanted = counter.held + amount;
  if (wanted < amount || wanted > ceiling_of(counter, severity)) {   // the first: it wrapped
    ++counter.failcnt;
    return false;
  }
  counter.held = wanted;
  counter.maxheld = std::max(counter.maxheld, wanted);
  return true;
}

bool uncharge(ModelCounter& counter, std::uint64_t amount) {
  const bool was_held = amount <= counter.held;
  counter.held = was_held ? counter.held - amount : 0;
  return was_held;
}

Verdict charge(ModelCounter& own, ModelCounter& group, std::uint64_t amount, Severity severity) {
  const ModelCounter before = own;
  if (!charge(own, amount, severity)) return Verdict::refused;
  if (charge(group, amount, severity)) return Verdict::granted;
  own = before;
  return Verdict::refused_by_group;
}

bool uncharge(ModelCounter& own, ModelCounter& group, std::uint64_t amount) {
  const std::uint64_t gone = std::min(amount, own.held);
  const bool was_held = uncharge(own, amount);
  return uncharge(group, gone) && was_held;
}

}  // namespace ubc::accounting

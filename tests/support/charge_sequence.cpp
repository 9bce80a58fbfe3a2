// SPDX-License-Identifier: Apache-2.0
#include "tests/support/charge_sequence.h"

#include <algorithm>
#include <ostream>
#include <utility>

namespace ubc::test {
namespace {

using accounting::ModelCounter;
using accounting::Severity;

/// One above, but never above what is unlimited.
std::uint64_t one_above(std::uint64_t value) { return value < UBC_UNLIMITED ? value + 1 : UBC_UNLIMITED; }
std::uint64_t one_below(std::uint64_t value) { return value == 0 ? 0 : value - 1; }

const char* name_of(Severity severity) {
  switch (severity) {
    case Severity::refuse_over_barrier: return "refuse_over_barrier";
    case Severity::refuse_over_limit: return "refuse_over_limit";
    case Severity::never_refuse: return "never_refuse";
  }
  std::unreachable();
}

}  // namespace

std::uint64_t ChargeSequence::amount_to_charge(const ModelCounter& now) {
  const std::uint64_t bound = below(2) == 0 ? now.barrier : now.limit;
  const std::uint64_t room = bound > now.held ? bound - now.held : 0;
  switch (below(12)) {
    case 0: return 0;
    case 1:
    case 2: return 1;
    case 3:
    case 4: return room;   // exactly to the number
    case 5:
    case 6: return one_above(room);
    case 7: return one_below(room);
    case 8: return below(2) == 0 ? UBC_UNLIMITED : UBC_CHARGE_MAX_AMOUNT;
    case 9: return random_() >> (1 + below(63));   // any size of number
    default: return below(16);
  }
}

std::uint64_t ChargeSequence::amount_to_uncharge(std::uint64_t held) {
  switch (below(8)) {
    case 0: return held + (below(2) == 0 ? 1 : one_above(below(UBC_UNLIMITED)));   // too much
    case 1:
    case 2: return held;
    case 3: return 0;
    case 4: return std::min<std::uint64_t>(held, 1);
    case 5: return held / 2;
    default: return below(held + 1);
  }
}

std::uint64_t ChargeSequence::number(std::uint64_t held) {
  switch (below(8)) {
    case 0: return 0;
    case 1: return UBC_UNLIMITED;
    case 2: return held;
    case 3: return one_below(held);
    case 4: return one_above(held);
    case 5: return held / 2;
    default: return below(64);
  }
}

ChargeStep ChargeSequence::new_limits(std::uint64_t held) {
  ChargeStep step{.op = ChargeStep::Op::set_limits, .barrier = number(held), .limit = number(held)};   // barrier > limit too
  if (below(3) == 0) step.limit = step.barrier;
  if (below(6) == 0) step.barrier = step.limit = UBC_UNLIMITED;
  return step;
}

ChargeStep ChargeSequence::next(const ModelCounter& now) {
  const std::uint64_t dice = below(20);
  if (dice < 3) return new_limits(now.held);
  if (dice < 9) return {.op = ChargeStep::Op::uncharge, .amount = amount_to_uncharge(now.held)};
  if (dice == 19 && now.held > 8)   // wraps: a held that is less than before
    return {.op = ChargeStep::Op::charge, .amount = UINT64_MAX - below(8), .severity = static_cast<Severity>(below(3))};
  const std::uint64_t amount = std::min(amount_to_charge(now), most_);
  ChargeStep step{.op = ChargeStep::Op::charge, .amount = amount, .severity = static_cast<Severity>(below(3))};
  if (step.severity == Severity::never_refuse) step.amount = std::min<std::uint64_t>(step.amount, UBC_UNLIMITED - now.held);
  return step;
}

bool apply(ModelCounter& counter, const ChargeStep& step) {
  switch (step.op) {
    case ChargeStep::Op::charge: return charge(counter, step.amount, step.severity);
    case ChargeStep::Op::uncharge: return uncharge(counter, step.amount);
    case ChargeStep::Op::set_limits:
      counter.barrier = step.barrier;
      counter.limit = step.limit;
      return true;
  }
  std::unreachable();
}

void PrintTo(const ChargeStep& step, std::ostream* out) {
  switch (step.op) {
    case ChargeStep::Op::charge: *out << "charge " << step.amount << ' ' << name_of(step.severity); return;
    case ChargeStep::Op::uncharge: *out << "uncharge " << step.amount; return;
    case ChargeStep::Op::set_limits: *out << "set barrier " << step.barrier << " limit " << step.limit; return;
  }
  std::unreachable();
}

}  // namespace ubc::test

namespace ubc::accounting {

void PrintTo(const ModelCounter& counter, std::ostream* out) {
  *out << "{held " << counter.held << ", maxheld " << counter.maxheld << ", barrier " << counter.barrier << ", limit " << counter.limit
       << ", failcnt " << counter.failcnt << '}';
}

}  // namespace ubc::accounting

// SPDX-License-Identifier: Apache-2.0
// Generated charges: the same seed and the same counters give the same steps. Most of them land on a bound or one beside it.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <random>

#include "accounting/charge_model.h"

namespace ubc::test {

struct ChargeStep {
  enum class Op : std::uint8_t { charge, uncharge, set_limits };

  Op op = Op::charge;
  std::uint64_t amount = 0;                                                          ///< of a charge or uncharge
  accounting::Severity severity = accounting::Severity::refuse_over_barrier;         ///< of a charge
  std::uint64_t barrier = 0, limit = 0;                                              ///< of set_limits

  bool operator==(const ChargeStep&) const = default;
};

class ChargeSequence {
 public:
  /// An even seed charges little at a time: held and maxheld move often. An odd one charges up to all that can be counted.
  explicit ChargeSequence(std::uint64_t seed) : random_{seed}, most_{seed % 2 == 0 ? 1000 : UBC_UNLIMITED} {}

  /// The next step for a counter that stands at `now`. No number exceeds UBC_UNLIMITED, nor does a forced charge bring held above it;
  /// one charge in eleven is so large that the sum wraps. One uncharge in eight is of more than is held.
  [[nodiscard]] ChargeStep next(const accounting::ModelCounter& now);

 private:
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  [[nodiscard]] std::uint64_t amount_to_charge(const accounting::ModelCounter& now);
  [[nodiscard]] std::uint64_t amount_to_uncharge(std::uint64_t held);
  [[nodiscard]] std::uint64_t number(std::uint64_t held);
  [[nodiscard]] ChargeStep new_limits(std::uint64_t held);

  std::mt19937_64 random_;
  std::uint64_t most_;  ///< in one charge
};

/// True: granted, or nothing was refused (an uncharge of what is held, new limits). False: refused, or more given back than held.
bool apply(accounting::ModelCounter& counter, const ChargeStep& step);

/// For the messages of gtest.
void PrintTo(const ChargeStep& step, std::ostream* out);

}  // namespace ubc::test

namespace ubc::accounting {

/// For the messages of gtest.
void PrintTo(const ModelCounter& counter, std::ostream* out);

}  // namespace ubc::accounting

// SPDX-License-Identifier: Apache-2.0
// The rules of bpf/charge.bpf.h in plain C++: what a charge does to one counter, and to that of a group with it. A test drives both with
// the same sequences (tests/kernel/charge_model_test.cpp), so what is shown here holds in the kernel.
#pragma once

#include <cstdint>

#include "bpf/ubc_abi.h"

namespace ubc::accounting {

/// Which of the two numbers refuses: OpenVZ's UB_HARD, UB_SOFT, UB_FORCE (kernel/bc/beancounter.c, 2.6.32), by meaning. Values as in
/// ubc_severity.
enum class Severity : std::uint8_t {
  refuse_over_barrier = UBC_REFUSE_OVER_BARRIER,   ///< UB_HARD: obeys both numbers; with barrier > limit the limit decides
  refuse_over_limit = UBC_REFUSE_OVER_LIMIT,       ///< UB_SOFT: obeys the limit alone
  never_refuse = UBC_NEVER_REFUSE,                 ///< UB_FORCE: obeys neither, and may leave held above the limit
};

/// One resource of one container; amounts in the resource's unit, UBC_UNLIMITED where a number is not there.
struct ModelCounter {
  std::uint64_t held = 0;                   ///< now
  std::uint64_t maxheld = 0;                ///< largest held ever; raised on success only
  std::uint64_t barrier = UBC_UNLIMITED;
  std::uint64_t limit = UBC_UNLIMITED;
  std::uint64_t failcnt = 0;                ///< refused charges: calls, not amounts

  bool operator==(const ModelCounter&) const = default;
};

/// True: granted. False: refused, and nothing but failcnt changed. Strictly greater is refused: held may come to equal the number. Same
/// comparisons as charge_beancounter() in OpenVZ's kernel/bc/beancounter.c (2.6.32). A sum that would wrap is refused whatever the
/// severity.
[[nodiscard]] bool charge(ModelCounter& counter, std::uint64_t amount, Severity severity);

/// Gives `amount` back. False: that was more than held, which is 0 now (OpenVZ: "Uncharging too much"; BPF counts a loss). maxheld stays.
bool uncharge(ModelCounter& counter, std::uint64_t amount);

/// Who refused a charge that a container's group pays too. Values as charge() has them in BPF.
enum class Verdict : std::int8_t { granted = 0, refused = -1, refused_by_group = -2 };

/// Both are charged, or neither: the container's own numbers are asked first, and failcnt counts where the refusal came from.
[[nodiscard]] Verdict charge(ModelCounter& own, ModelCounter& group, std::uint64_t amount, Severity severity);

/// What the container gave back the group gets back: never more than that. False: as above, of either.
bool uncharge(ModelCounter& own, ModelCounter& group, std::uint64_t amount);

}  // namespace ubc::accounting

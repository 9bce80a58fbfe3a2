// SPDX-License-Identifier: Apache-2.0
// The programs at the host's end of guests' links, and what they judge by: pinned, so that they go on with no process of ours.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bpf/network_abi.h"
#include "os/fd.h"
#include "os/result.h"

namespace ubc::bpf {

inline constexpr const char* kNetworkPinDirectory = "/sys/fs/bpf/ubc-network";

class GuestLinks {
 public:
  /// Loads and pins the programs of this version where they are not; links that are there keep those they have. The caller sees to it that
  /// no two do that at once. Fails with Code::unsupported where another version's maps have another layout.
  [[nodiscard]] static Result<GuestLinks> open(const std::string& pins);
  /// Only if they are there: without them no link of a guest's is.
  [[nodiscard]] static std::optional<GuestLinks> open_existing(const std::string& pins);

  [[nodiscard]] Result<> set_policy(const ubc_network_policy& policy) const;

  /// All that comes from the link is judged from now on; call it before the link is up.
  [[nodiscard]] Result<> watch(unsigned ifindex, const ubc_link& link) const;
  /// Bytes a second, 0 for no limit. Fails with Code::not_found where the link is not watched.
  [[nodiscard]] Result<> set_rates(unsigned ifindex, std::uint64_t receive, std::uint64_t send) const;
  [[nodiscard]] std::optional<ubc_link> read(unsigned ifindex) const;
  void forget(unsigned ifindex) const;

  /// Fails with Code::busy where another container has the address, and its link is there.
  [[nodiscard]] Result<> give(const ubc_address& address, const ubc_address_owner& owner) const;
  /// Takes it back, if it is that container's; the link that it was given for.
  std::optional<unsigned> take(const ubc_address& address, std::uint32_t container) const;
  /// All bridged links that are that container's.
  void forget_bridged(std::uint32_t container) const;

 private:
  os::Fd from_guest_, to_guest_, addresses_, links_, policy_;
};

}  // namespace ubc::bpf

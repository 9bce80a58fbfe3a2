// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <thread>

#include "bpf/ledger.h"

namespace ubc::test {

inline constexpr ubc_resource kExact[] = {UBC_NUMPROC, UBC_NUMFILE, UBC_NUMTCPSOCK, UBC_NUMOTHERSOCK, UBC_PRIVVMPAGES, UBC_NUMFLOCK};

/// Looks at held of each exact resource as fast as it can, and remembers the largest excess over the barrier.
class Sampler {
 public:
  Sampler(const bpf::Ledger& ledger, std::uint32_t slot) : ledger_{ledger}, slot_{slot}, thread_{[this] { run(); }} {}
  ~Sampler() { stop(); }
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;
  void stop() {
    done_ = true;
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::uint64_t samples() const { return samples_; }
  [[nodiscard]] std::uint64_t excess(ubc_resource resource) const { return excess_[resource]; }

 private:
  void run() {
    while (!done_) {
      for (const ubc_resource resource : kExact) {
        const ubc_counter now = ledger_.read(slot_, resource);
        const std::uint64_t over = now.held > now.barrier ? now.held - now.barrier : 0;
        if (over > excess_[resource]) excess_[resource] = over;
      }
      ++samples_;
      if (samples_ % 64 == 0) (void)::usleep(200);
    }
  }

  const bpf::Ledger& ledger_;
  std::uint32_t slot_;
  std::atomic<bool> done_ = false;
  std::atomic<std::uint64_t> samples_ = 0;
  std::atomic<std::uint64_t> excess_[UBC_RESOURCES] = {};
  std::thread thread_;
};

}  // namespace ubc::test

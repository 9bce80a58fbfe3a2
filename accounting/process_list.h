// SPDX-License-Identifier: Apache-2.0
// The processes of a container, as /proc has them now.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "os/result.h"

namespace ubc::accounting {

struct ProcessInfo {
  pid_t pid = 0;                   ///< as the host numbers it
  pid_t inside = 0;                ///< as its own pid namespace does
  uid_t uid = 0;                   ///< the real one, as the host numbers it
  char state = '?';                ///< R, S, D, Z, T, ...
  std::uint64_t threads = 0;
  std::uint64_t cpu_ms = 0;        ///< user and system, of all its threads
  std::uint64_t resident_bytes = 0;
  std::string command;             ///< its arguments, or its name in brackets where it has none; as the process says it: not printable
};

/// Of all in the cgroup and below, by pid. One that ends meanwhile is left out. Fails with Code::not_found where the cgroup is not there.
[[nodiscard]] Result<std::vector<ProcessInfo>> processes_of(const std::string& cgroup, const std::string& proc = "/proc");

}  // namespace ubc::accounting

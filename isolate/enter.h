// SPDX-License-Identifier: Apache-2.0
// Runs a program in a running guest: in all its namespaces, in a cgroup below its limits, with a terminal of the guest's own where one is
// wanted.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

struct EnterSpec {
  const os::Fd* guest = nullptr;      ///< pidfd of the guest's process 1
  pid_t init = -1;                    ///< the same, as the host numbers it: the program's oom_score_adj and RLIMIT_MEMLOCK are its
  int cgroup_fd = -1;                 ///< the program is born in it
  std::vector<std::string> command;   ///< looked up by the guest's PATH
  std::vector<int> denied_capabilities;   ///< as in GuestSpec
  int input = 0;                      ///< its standard input; 0: the caller's
  bool terminal = false;              ///< a pty of the guest's, between the caller's terminal and the program
};

/// What is done in the guest in place of a program: as its root, with what a program would have, by the time `command` would run.
[[nodiscard]] Result<> act_in_guest(const EnterSpec& spec, const std::function<Result<>()>& act);

/// Runs it to its end and returns its exit status (128 + signal where one killed it). The caller's SIGINT, SIGTERM, SIGHUP and SIGQUIT go
/// to the program; a terminal's size follows the caller's. The caller's own terminal is never handed in: where standard descriptors are one
/// and no pty is wanted, pipes stand between.
[[nodiscard]] Result<int> run_in_guest(const EnterSpec& spec);

}  // namespace ubc::isolate

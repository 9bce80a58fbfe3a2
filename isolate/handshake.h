// SPDX-License-Identifier: Apache-2.0
// How a child tells its stage and cause to the one who waits: one record, one write. The pipe is close-on-exec, so its end without a record
// means that the guest's program runs.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

/// Sends the failure; the message is cut to what one atomic write holds. Called between fork and exec or exit.
void report_failure(int pipe, const Error& error);
/// Tells the guest's first pid, as the host numbers it.
void report_pid(int pipe, pid_t pid);
/// The last word before exec: the end of the pipe without it means that the process died.
void report_ready(int pipe);

struct LaunchReport {
  pid_t pid = -1;
  bool ready = false;
};
/// Reads records into `report` until all writers are gone or `patience_ms` has passed. A failure record becomes the error.
[[nodiscard]] Result<> await_reports(const os::Fd& pipe, int patience_ms, LaunchReport& report);

/// For tests: ends this process by SIGKILL when the environment's UBC_FAULT names this stage. Killing at each stage must leave what the
/// next command mends.
void fault_point(std::string_view stage);

}  // namespace ubc::isolate

// SPDX-License-Identifier: Apache-2.0
// What a command says and how it ends: one sentence for a failure, and vzctl's exit codes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "os/result.h"

namespace ubc::cli {

/// vzctl's numbers (ubc-semantics 6.3), those that we use.
enum Exit : int {
  exit_ok = 0,
  exit_cannot_set_ub = 1,
  exit_system = 3,
  exit_no_kernel_support = 5,
  exit_no_resources = 6,
  exit_exec_failed = 8,
  exit_locked = 9,
  exit_config_missing = 14,
  exit_bad_syntax = 20,
  exit_bad_value = 21,
  exit_ub_missing = 28,
  exit_not_running = 31,
  exit_running = 32,
  exit_stop_failed = 33,
  exit_not_mounted = 40,
  exit_mounted = 41,
  exit_no_private_area = 43,
  exit_private_area_exists = 44,
  exit_bad_template = 47,
  exit_mount_failed = 50,
  exit_umount_failed = 51,
  exit_action_script = 79,
  exit_start_disabled = 105,
  exit_no_template = 91,
  exit_ip_in_use = 78,
  exit_config_copy = 82,
  exit_no_sample = 109,
  exit_permission = 12,
  exit_password = 74,
  exit_name = 131,
};

/// The number for an error that no verb has a better one for.
[[nodiscard]] int exit_of(const Error& error);
/// One line on standard error, control characters made visible; returns `code`.
int fail(const Error& error, int code);
int fail(const Error& error);
/// Lines that are neither result nor failure, on standard error.
void warn(const std::vector<std::string>& notes);
/// What a verb tells of its progress: standard output, unless --quiet.
struct Say {
  bool quiet = false;
  void operator()(std::string_view text) const;
};

}  // namespace ubc::cli

// SPDX-License-Identifier: Apache-2.0
#include "cli/report.h"

#include <cstdio>

#include "os/text_file.h"

namespace ubc::cli {
namespace {

void line(std::FILE* to, std::string_view text) {
  const std::string whole = os::printable(text) + "\n";
  (void)std::fwrite(whole.data(), 1, whole.size(), to);
}

}  // namespace

int exit_of(const Error& error) {
  switch (error.code) {
    case Code::bad_value: return exit_bad_value;
    case Code::not_found: return exit_config_missing;
    case Code::exists: return exit_private_area_exists;
    case Code::busy: return exit_locked;
    case Code::denied: return exit_permission;
    case Code::unsupported: return exit_no_kernel_support;
    case Code::no_resources: return exit_no_resources;
    case Code::bad_state: return exit_not_running;
    case Code::corrupt:
    case Code::system: return exit_system;
  }
  return exit_system;
}

int fail(const Error& error, int code) {
  (void)std::fflush(stdout);
  line(stderr, error.message);
  return code;
}

int fail(const Error& error) { return fail(error, exit_of(error)); }

void warn(const std::vector<std::string>& notes) {
  for (const std::string& note : notes) line(stderr, "WARNING: " + note);
}

void Say::operator()(std::string_view text) const {
  if (!quiet) line(stdout, text);
}

}  // namespace ubc::cli

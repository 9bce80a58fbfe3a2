// SPDX-License-Identifier: Apache-2.0
// ubc-pack: ubc-unpack's counterpart, a program of its own for the same reasons.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "isolate/pack.h"
#include "os/text_file.h"

namespace {

using ubc::Code;
using ubc::Result;
namespace isolate = ubc::isolate;
namespace os = ubc::os;

constexpr std::string_view kUsage = "ubc-pack manifest FILE DIRECTORY | ubc-pack template FILE DIRECTORY BASE";

Result<isolate::PackReport> run(std::span<char*> words) {
  const bool as_manifest = words.size() == 4 && std::string_view{words[1]} == "manifest";
  const bool as_template = words.size() == 5 && std::string_view{words[1]} == "template";
  if (!as_manifest && !as_template) return os::error(Code::bad_value, "usage: {}", kUsage);
  const std::uint64_t base = as_template ? UBC_TRY(os::with_context(os::parse_number(words[4]), "BASE")) : 0;
  if (base > std::numeric_limits<uid_t>::max()) return os::error(Code::bad_value, "BASE: there is no id {}", base);
  const os::Fd out = UBC_TRY(os::open_file(words[2], O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  UBC_TRY(isolate::enter_source(words[3]));
  const auto report = UBC_TRY(as_manifest ? isolate::write_manifest(out) : isolate::write_template(out, static_cast<uid_t>(base)));
  if (::fsync(out.get()) != 0) return os::sys_error(errno, "fsync", words[2]);
  return report;
}

}  // namespace

#ifdef __SANITIZE_ADDRESS__
/// The leak check needs /proc and ptrace(2), which are out of reach inside the source.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }
#endif

int main(int argc, char** argv) {
  const auto report = run({argv, static_cast<std::size_t>(argc)});
  if (!report) {
    fmt::print(stderr, "ubc-pack: {}\n", os::printable(report.error().message));
    return 1;
  }
  fmt::print("{} members, {} bytes\n", report->members, report->bytes);
  return 0;
}

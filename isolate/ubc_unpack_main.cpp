// SPDX-License-Identifier: Apache-2.0
// ubc-unpack: a program of its own, because it links libarchive, which ubctl does not, and locks itself into its destination.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "isolate/unpack.h"
#include "os/text_file.h"

namespace {

using ubc::Code;
using ubc::Result;
namespace isolate = ubc::isolate;
namespace os = ubc::os;

constexpr std::string_view kUsage = "ubc-unpack [--max-bytes N] [--max-members N] [--progress] ARCHIVE DIRECTORY";

struct Arguments {
  isolate::UnpackLimits limits;
  bool progress = false;
  std::string archive, directory;
};

Result<Arguments> parse(std::span<char*> words) {
  Arguments arguments;
  std::size_t at = 1;
  for (; at + 1 < words.size() && std::string_view{words[at]}.starts_with("--"); ++at) {
    const std::string_view option = words[at];
    if (option == "--progress") {
      arguments.progress = true;
      continue;
    }
    if (option != "--max-bytes" && option != "--max-members")
      return os::error(Code::bad_value, "unknown option {}; usage: {}", option, kUsage);
    (option == "--max-bytes" ? arguments.limits.max_bytes : arguments.limits.max_members) =
        UBC_TRY(os::with_context(os::parse_number(words[++at]), option));
  }
  if (at + 2 != words.size()) return os::error(Code::bad_value, "usage: {}", kUsage);
  arguments.archive = words[at];
  arguments.directory = words[at + 1];
  return arguments;
}

/// "read N of M" on standard output, bytes of the archive, a hundred lines or so.
isolate::ReadProgress print_progress(std::uint64_t size) {
  return [size, told = std::uint64_t{0}](std::uint64_t bytes) mutable {
    if (bytes < size && bytes - told < size / 100 + 1) return;
    if (bytes == told) return;
    told = bytes;
    fmt::print("read {} of {}\n", bytes, size);
    (void)std::fflush(stdout);
  };
}

Result<isolate::UnpackReport> run(std::span<char*> words) {
  const Arguments arguments = UBC_TRY(parse(words));
  const os::Fd archive = UBC_TRY(os::open_file(arguments.archive, O_RDONLY | O_NOCTTY | O_NONBLOCK));
  struct stat seen{};
  if (::fstat(archive.get(), &seen) != 0) return os::sys_error(errno, "look at", arguments.archive);
  if (!S_ISREG(seen.st_mode)) return os::error(Code::bad_value, "unpack {}: it is not a regular file", arguments.archive);
  isolate::HashedFile hashed = UBC_TRY(isolate::HashedFile::open(archive));
  UBC_TRY(isolate::enter_destination(arguments.directory));
  return isolate::unpack_archive(hashed, arguments.archive, arguments.limits,
                                 arguments.progress ? print_progress(static_cast<std::uint64_t>(seen.st_size)) : isolate::ReadProgress{});
}

/// Member names are the archive's: nothing of theirs may steer a terminal or start a second line.
std::string printable(std::string text) {
  for (char& letter : text)
    if (static_cast<unsigned char>(letter) < ' ' || letter == '\x7f') letter = '?';
  return text;
}

}   // namespace

#ifdef __SANITIZE_ADDRESS__
/// The leak check needs /proc and ptrace(2), which are out of reach inside the destination.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }
#endif

int main(int argc, char** argv) {
  const auto report = run({argv, static_cast<std::size_t>(argc)});
  if (!report) {
    fmt::print(stderr, "ubc-unpack: {}\n", printable(report.error().message));
    return 1;
  }
  fmt::print("sha256 {}\n", report->sha256);
  fmt::print("{} members, {} bytes", report->members, report->bytes);
  if (report->devices_left_out > 0) fmt::print("; {} device nodes left out: guests get their own /dev", report->devices_left_out);
  if (report->attributes_left_out > 0)
    fmt::print("; {} extended attributes left out: they could steer overlayfs", report->attributes_left_out);
  fmt::print("\n");
  return 0;
}

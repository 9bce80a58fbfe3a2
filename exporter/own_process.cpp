// SPDX-License-Identifier: Apache-2.0
#include "exporter/own_process.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>

#include "os/directory.h"
#include "os/text_file.h"

namespace ubc::exporter {
namespace {

const double kStartedAt = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();

double seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

}  // namespace

Result<OwnProcess> read_own_process() {
  OwnProcess own;
  rusage used{};
  (void)::getrusage(RUSAGE_SELF, &used);
  own.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
  own.started_at = kStartedAt;
  const std::string pages = UBC_TRY(os::read_text("/proc/self/statm"));   // "size resident shared ..."
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t blank = pages.find(' ');
  own.virtual_bytes = page * UBC_TRY(os::parse_number(pages.substr(0, blank)));
  own.resident_bytes = page * UBC_TRY(os::parse_number(pages.substr(blank + 1, pages.find(' ', blank + 1) - blank - 1)));
  own.open_files = UBC_TRY(os::names_in("/proc/self/fd")).size() - 1;   // less the one that looks
  rlimit files{};
  (void)::getrlimit(RLIMIT_NOFILE, &files);
  own.max_files = files.rlim_cur;
  return own;
}

void settle_memory() {
  constexpr int kKept = 32 << 20;   // the most that glibc takes for a threshold
  (void)::mallopt(M_MMAP_THRESHOLD, kKept);
  (void)::mallopt(M_TRIM_THRESHOLD, kKept);
  (void)::malloc_trim(0);   // probing reads all of the kernel's types
}

}  // namespace ubc::exporter

// SPDX-License-Identifier: Apache-2.0
#include "bench/operations.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace ubc::bench {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kMapping = 64 * 1024;
constexpr std::size_t kTable = 2 * 1024 * 1024;   // what one page of page table entries maps

std::uint64_t now() {
  timespec at{};
  (void)::clock_gettime(CLOCK_MONOTONIC, &at);
  return static_cast<std::uint64_t>(at.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(at.tv_nsec);
}

/// Times `count` calls of `once`, which says whether it worked.
template <typename Once>
std::uint64_t timed(unsigned count, Once once) {
  const std::uint64_t start = now();
  for (unsigned i = 0; i < count; ++i)
    if (!once()) return 0;
  return now() - start;
}

std::uint64_t open_close(unsigned count) {
  return timed(count, [] { return ::close(::open("/dev/null", O_RDONLY | O_CLOEXEC)) == 0; });
}

std::uint64_t socket_close(unsigned count) {
  return timed(count, [] { return ::close(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == 0; });
}

std::uint64_t fork_exit(unsigned count) {
  return timed(count, [] {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    int status = -1;
    return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
  });
}

/// A hole of kMapping amid other memory, whose page table stays: else a munmap frees it or does not as the libraries happen to lie, which
/// is 10,000 instructions. nullptr: no memory.
void* make_hole() {
  void* reserved = ::mmap(nullptr, 2 * kTable, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (reserved == MAP_FAILED) return nullptr;
  char* first = static_cast<char*>(reserved);
  first += kTable - reinterpret_cast<std::uintptr_t>(first) % kTable;
  if (::mprotect(first, kPage, PROT_READ | PROT_WRITE) != 0) return nullptr;
  *first = 1;
  return ::munmap(first + kTable / 2, kMapping) == 0 ? first + kTable / 2 : nullptr;
}

/// Maps kMapping bytes, touches every page below `touched`, and unmaps.
bool map_once(std::size_t touched) {
  static void* const hole = make_hole();
  void* memory = hole == nullptr ? MAP_FAILED
                                 : ::mmap(hole, kMapping, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (memory == MAP_FAILED) return false;
  for (std::size_t at = 0; at < touched; at += kPage) static_cast<volatile char*>(memory)[at] = 1;
  return ::munmap(memory, kMapping) == 0;
}

std::uint64_t map_unmap(unsigned count) {
  return timed(count, [] { return map_once(0); });
}

std::uint64_t map_touch_unmap(unsigned count) {
  return timed(count, [] { return map_once(kMapping); });
}

std::uint64_t page_fault(unsigned count) {
  const std::size_t size = count * kPage;
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || ::madvise(memory, size, MADV_NOHUGEPAGE) != 0) return 0;
  auto* at = static_cast<volatile char*>(memory);
  const std::uint64_t took = timed(count, [&] {
    *at = 1;
    at += kPage;
    return true;
  });
  (void)::munmap(memory, size);
  return took;
}

/// A file of its own, held open.
int lock_file() {
  static const int file = ::memfd_create("lock", MFD_CLOEXEC);
  return file;
}

std::uint64_t flock_unlock(unsigned count) {
  const int file = lock_file();
  return timed(count, [&] { return ::flock(file, LOCK_EX) == 0 && ::flock(file, LOCK_UN) == 0; });
}

std::uint64_t fcntl_unlock(unsigned count) {
  const int file = lock_file();
  return timed(count, [&] {
    struct flock lock{.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1, .l_pid = 0};
    if (::fcntl(file, F_SETLK, &lock) != 0) return false;
    lock.l_type = F_UNLCK;
    return ::fcntl(file, F_SETLK, &lock) == 0;
  });
}

std::uint64_t queue_signal(unsigned count) {
  sigset_t set;
  (void)::sigemptyset(&set);
  (void)::sigaddset(&set, SIGRTMIN);
  (void)::sigprocmask(SIG_BLOCK, &set, nullptr);
  const pid_t self = ::getpid();
  return timed(count, [&] { return ::sigqueue(self, SIGRTMIN, sigval{.sival_int = 1}) == 0 && ::sigwaitinfo(&set, nullptr) == SIGRTMIN; });
}

std::uint64_t lock_page(unsigned count) {
  static char page[2 * kPage];
  return timed(count, [] { return ::mlock(page, kPage) == 0 && ::munlock(page, kPage) == 0; });
}

/// A page of a memfd that is made and given back.
std::uint64_t shared_page(unsigned count) {
  static const int file = ::memfd_create("page", MFD_CLOEXEC);
  return timed(count, [] { return ::pwrite(file, "x", 1, 0) == 1 && ::ftruncate(file, 0) == 0; });
}

constexpr Target kLaterPaths{.guest_to_none = 1.12, .host_to_none = 1.04};

constexpr auto kOperations = std::to_array<Operation>({
    {"open+close", 400, open_close, {.guest_to_none = 1.06, .guest_to_empty = 1.02, .host_to_empty = 1.02}},
    {"socket+close", 800, socket_close, {.guest_to_none = 1.06, .host_to_empty = 1.02}},
    {"fork+exit+wait", 15, fork_exit, {.guest_to_none = 1.03, .host_to_empty = 1.02}},
    {"mmap+munmap", 800, map_unmap, {.guest_to_none = 1.10, .host_to_empty = 1.02}},
    {"mmap+touch+munmap", 40, map_touch_unmap, {.guest_to_none = 1.10, .host_to_empty = 1.02}},
    {"flock+unlock", 800, flock_unlock, kLaterPaths},
    {"fcntl lock+unlock", 800, fcntl_unlock, kLaterPaths},
    {"sigqueue+wait", 400, queue_signal, kLaterPaths},
    {"mlock+munlock", 400, lock_page, kLaterPaths},
    {"memfd page+truncate", 400, shared_page, kLaterPaths},
    {"page fault", 400, page_fault, {.guest_to_none = 1.01, .host_to_empty = 1.02}},
});

}  // namespace

std::span<const Operation> operations() { return kOperations; }

std::optional<std::array<double, kRounds>> measure(const Operation& operation) {
  std::array<double, kRounds> rounds{};
  (void)operation.measure(operation.per_round);
  for (double& round : rounds) {
    const std::uint64_t took = operation.measure(operation.per_round);
    if (took == 0) return std::nullopt;
    round = static_cast<double>(took) / operation.per_round;
  }
  return rounds;
}

Figure figure_of(std::vector<double> rounds) {
  if (rounds.empty()) return {};
  std::ranges::sort(rounds);
  return {.median = rounds[rounds.size() / 2], .least = rounds.front(), .most = rounds.back()};
}

}  // namespace ubc::bench

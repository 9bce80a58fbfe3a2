// SPDX-License-Identifier: Apache-2.0
// What tests run inside a guest: static, and started by the name of what it does.
//   storm   process 1: at SIGUSR1 starts the storm; /done holds its figures once all workers idle
//   calls   makes system calls that the filter has an opinion on, and prints what each gave
//   deaf    process 1 that hears SIGTERM and does not end
//   project tries to leave its project of the file system, and says how that went
//   lock    mlock()s so many pages and says how it went
//   peek, swap, connect, listen: hostile_probe.h
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/support/hostile_probe.h"
#include "tests/support/shared.h"
#include "tests/support/storm.h"

namespace {

using ubc::test::kStormWorkers;
using ubc::test::Shared;
using ubc::test::StormProgress;

int storm() {
  sigset_t go;
  (void)sigemptyset(&go);
  (void)sigaddset(&go, SIGUSR1);
  (void)::sigprocmask(SIG_BLOCK, &go, nullptr);
  Shared<StormProgress> shared;
  StormProgress& progress = *shared;
  std::FILE* up = std::fopen("/up", "we");
  (void)std::fclose(up);
  int signal = 0;
  (void)::sigwait(&go, &signal);
  pid_t workers[kStormWorkers];
  start_storm(progress, true, workers);
  while (progress.finished < kStormWorkers) (void)::usleep(20'000);
  char text[64];
  const int length = std::snprintf(text, sizeof text, "%ld %d %d\n", progress.left.load(), progress.passed.load(), progress.killed.load());
  const int done = ::open("/done.new", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (done < 0 || ::write(done, text, static_cast<std::size_t>(length)) != length) return 1;
  (void)::close(done);
  (void)::rename("/done.new", "/done");
  while (true) (void)::pause();
}

long i386(long number, long first, long second) {
  long result;
  asm volatile("int $0x80"
               : "=a"(result)
               : "a"(number), "b"(first), "c"(second), "d"(0L), "S"(0L), "D"(0L)
               : "memory", "r8", "r9", "r10", "r11");
  return result;
}

const char* name_of(long error) {
  switch (error) {
    case 0: return "ok";
    case ENOSYS: return "ENOSYS";
    case EPERM: return "EPERM";
    case EAFNOSUPPORT: return "EAFNOSUPPORT";
    default: return "other";
  }
}

/// From outside come what, number and arguments: "x86_64 451 0 0".
int call(char** words) {
  const long number = std::strtol(words[1], nullptr, 0), first = std::strtol(words[2], nullptr, 0),
             second = std::strtol(words[3], nullptr, 0);
  long error = 0;
  if (std::strcmp(words[0], "i386") == 0) {
    const long result = i386(number, first, second);
    error = result < 0 ? -result : 0;
  } else {
    constexpr long kX32 = 0x40000000;
    errno = 0;
    error = ::syscall(number | (std::strcmp(words[0], "x32") == 0 ? kX32 : 0), first, second, 0, 0, 0, 0) < 0 ? errno : 0;
  }
  std::printf("%s %s %s\n", words[0], words[1], name_of(error));
  return 0;
}

int deaf() {
  struct sigaction action{};
  action.sa_handler = [](int) {};
  (void)::sigaction(SIGTERM, &action, nullptr);
  while (true) (void)::pause();
}

/// Opens files until it is refused, and then waits for a signal.
int hoard() {
  while (::open("/dev/null", O_RDONLY) >= 0) {
  }
  while (true) (void)::pause();
}

/// mlock() of so many pages, and how it went.
int lock(const char* pages) {
  const std::size_t bytes = std::strtoul(pages, nullptr, 10) * 4096;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  std::puts(::mlock(memory, bytes) == 0 ? "ok" : errno == ENOMEM ? "ENOMEM" : std::strerror(errno));
  return 0;
}

/// Another project, none, and no more handed on to what is made in the directory: what each gave.
int project(const char* directory) {
  const int at = ::open(directory, O_RDONLY | O_CLOEXEC);
  fsxattr attributes{};
  if (at < 0 || ::ioctl(at, FS_IOC_FSGETXATTR, &attributes) != 0) return 1;
  const fsxattr now = attributes;
  const auto tried = [&](const char* what) {
    std::printf("%s: %s\n", what, ::ioctl(at, FS_IOC_FSSETXATTR, &attributes) == 0 ? "ok" : std::strerror(errno));
    attributes = now;
  };
  attributes.fsx_projid = 102;
  tried("another");
  attributes.fsx_projid = 0;
  tried("none");
  attributes.fsx_xflags &= ~static_cast<unsigned>(FS_XFLAG_PROJINHERIT);
  tried("not inherited");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  if (std::strcmp(what, "storm") == 0) return storm();
  if (std::strcmp(what, "deaf") == 0) return deaf();
  if (std::strcmp(what, "hoard") == 0) return hoard();
  if (std::strcmp(what, "project") == 0 && argc > 2) return project(argv[2]);
  if (std::strcmp(what, "lock") == 0 && argc > 2) return lock(argv[2]);
  if (std::strcmp(what, "peek") == 0) return ubc::test::peek();
  if (std::strcmp(what, "swap") == 0 && argc > 4) return ubc::test::swap(argv[2], argv[3], argv[4]);
  if (std::strcmp(what, "connect") == 0 && argc > 2) return ubc::test::connect_to(argv[2]);
  if (std::strcmp(what, "listen") == 0 && argc > 2) return ubc::test::listen_on(argv[2]);
  if (std::strcmp(what, "calls") != 0) return 2;
  for (int i = 2; i + 3 < argc; i += 4) (void)call(argv + i);
  return 0;
}

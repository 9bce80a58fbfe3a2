// SPDX-License-Identifier: Apache-2.0
#include "tests/support/hostile_probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ubc::test {
namespace {

bool stopped() { return ::access("/stop", F_OK) == 0; }
void announce(const char* path) { (void)::close(::open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)); }

struct Peeked {
  long met = 0, traced = 0, named = 0, read = 0, own = 0;
};

/// The executable of a process, as who may look into it is told.
bool runs(int pid, const char* program) {
  char path[64], target[4096];
  (void)std::snprintf(path, sizeof path, "/proc/%d/exe", pid);
  const ssize_t length = ::readlink(path, target, sizeof target - 1);
  if (length <= 0) return false;
  target[length] = '\0';
  const char* name = std::strrchr(target, '/');
  return name != nullptr && std::strcmp(name + 1, program) == 0;
}

bool is_called(int pid, const char* name) {
  char path[64], comm[32] = {};
  (void)std::snprintf(path, sizeof path, "/proc/%d/comm", pid);
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t got = file < 0 ? -1 : ::read(file, comm, sizeof comm - 1);
  (void)::close(file);
  return got > 0 && std::strncmp(comm, name, std::strlen(name)) == 0;
}

bool opens_a_descriptor(int pid) {
  char path[96];
  (void)std::snprintf(path, sizeof path, "/proc/%d/fd", pid);
  DIR* all = ::opendir(path);
  bool opened = false;
  for (const dirent* entry = all == nullptr ? nullptr : ::readdir(all); entry != nullptr; entry = ::readdir(all)) {
    if (entry->d_name[0] == '.') continue;
    (void)std::snprintf(path, sizeof path, "/proc/%d/fd/%.16s", pid, entry->d_name);
    const int file = ::open(path, O_PATH | O_CLOEXEC);
    opened = opened || file >= 0;
    (void)::close(file);
  }
  if (all != nullptr) (void)::closedir(all);
  return opened;
}

bool traces(int pid) {
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) return false;
  (void)::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr);
  (void)::waitpid(pid, nullptr, __WALL);
  return true;
}

/// What counts is who it is afterwards: until then it may have become a program of the guest's.
void look_into(int pid, Peeked& seen) {
  seen.met += is_called(pid, "ubctl") ? 1 : 0;
  seen.named += runs(pid, "ubctl") ? 1 : 0;
  if (opens_a_descriptor(pid)) {
    seen.read += runs(pid, "ubctl") ? 1 : 0;
    seen.own += runs(pid, "busybox") ? 1 : 0;
  }
  if (!traces(pid)) return;
  seen.traced += runs(pid, "ubctl") ? 1 : 0;
  (void)::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
}

int abstract(const char* name, sockaddr_un& address, socklen_t& length) {
  address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path + 1, name, sizeof address.sun_path - 2);
  length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + std::strlen(name));
  return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

}  // namespace

int peek() {
  Peeked seen;
  announce("/peeking");
  while (!stopped()) {
    DIR* all = ::opendir("/proc");
    for (const dirent* entry = all == nullptr ? nullptr : ::readdir(all); entry != nullptr; entry = ::readdir(all))
      if (const int pid = std::atoi(entry->d_name); pid > 1 && pid != ::getpid()) look_into(pid, seen);
    if (all != nullptr) (void)::closedir(all);
  }
  std::FILE* file = std::fopen("/peeked.new", "we");
  (void)std::fprintf(file, "%ld %ld %ld %ld %ld\n", seen.met, seen.traced, seen.named, seen.read, seen.own);
  (void)std::fclose(file);
  return ::rename("/peeked.new", "/peeked");
}

int swap(const char* one, const char* other, const char* litter) {
  char left[2][4096];
  (void)std::snprintf(left[0], sizeof left[0], "%s/%s", one, litter);
  (void)std::snprintf(left[1], sizeof left[1], "%s/%s", other, litter);
  announce("/swapping");
  while (!stopped()) {
    for (int times = 0; times < 101; ++times)   // as fast as it goes: what is looked at twice is there between two system calls
      if (::syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) != 0) return 1;
    for (const char* path : left) (void)::rmdir(path);
  }
  return 0;
}

int connect_to(const char* name) {
  sockaddr_un address;
  socklen_t length;
  const int socket = abstract(name, address, length);
  const bool connected = ::connect(socket, reinterpret_cast<const sockaddr*>(&address), length) == 0;
  std::puts(connected ? "ok" : std::strerror(errno));
  return ::close(socket);
}

int listen_on(const char* name) {
  sockaddr_un address;
  socklen_t length;
  const int socket = abstract(name, address, length);
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), length) != 0 || ::listen(socket, 8) != 0) return 1;
  announce("/run/listening");
  while (true) (void)::close(::accept4(socket, nullptr, nullptr, SOCK_CLOEXEC));
}

}  // namespace ubc::test

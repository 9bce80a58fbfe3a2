// SPDX-License-Identifier: Apache-2.0
#include "tests/programs/census.h"

#include <linux/kcmp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <sstream>

#include "os/directory.h"
#include "os/process.h"
#include "os/text_file.h"

namespace ubc::test {
namespace {

/// An open file, known by a descriptor of somebody's.
struct OpenFile {
  pid_t pid;
  int fd;
  bool operator<(const OpenFile& other) const { return ::syscall(SYS_kcmp, pid, other.pid, KCMP_FILE, fd, other.fd) == 1; }
};

std::set<pid_t> pids_in(const std::string& file) {
  std::istringstream text{os::read_text(file).value_or("")};
  std::set<pid_t> pids;
  for (pid_t pid; text >> pid;) pids.insert(pid);
  return pids;
}

std::uint64_t private_pages(pid_t pid) {
  std::ifstream status{"/proc/" + std::to_string(pid) + "/status"};
  std::uint64_t kib = 0;
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmData:") || line.starts_with("VmStk:")) kib += std::stoull(line.substr(line.find(':') + 1));
  return kib / 4;
}

bool option_is(int fd, int option, int value) {
  int seen = 0;
  socklen_t size = sizeof seen;
  return ::getsockopt(fd, SOL_SOCKET, option, &seen, &size) == 0 && seen == value;
}

void count_file(const OpenFile& file, Census& census) {
  ++census[UBC_NUMFILE];
  const auto owner = os::open_pidfd(file.pid);
  if (!owner) return;
  const os::Fd copy{static_cast<int>(::syscall(SYS_pidfd_getfd, owner->get(), file.fd, 0))};
  struct stat seen{};
  if (!copy.valid() || ::fstat(copy.get(), &seen) != 0 || !S_ISSOCK(seen.st_mode)) return;
  const bool tcp = option_is(copy.get(), SO_TYPE, SOCK_STREAM) &&
                   (option_is(copy.get(), SO_DOMAIN, AF_INET) || option_is(copy.get(), SO_DOMAIN, AF_INET6));
  ++census[tcp ? UBC_NUMTCPSOCK : UBC_NUMOTHERSOCK];
}

}  // namespace

Census take_census(const std::string& cgroup) {
  Census census{};
  std::set<OpenFile> files;
  census[UBC_NUMPROC] = pids_in(cgroup + "/cgroup.threads").size();
  for (const pid_t pid : pids_in(cgroup + "/cgroup.procs")) {
    census[UBC_PRIVVMPAGES] += private_pages(pid);
    for (const std::string& fd : os::names_in("/proc/" + std::to_string(pid) + "/fd").value_or(std::vector<std::string>{}))
      files.insert({pid, std::stoi(fd)});
  }
  for (const OpenFile& file : files) count_file(file, census);
  return census;
}

}  // namespace ubc::test

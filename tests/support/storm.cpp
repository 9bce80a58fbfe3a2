// SPDX-License-Identifier: Apache-2.0
#include "tests/support/storm.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

namespace ubc::test {
namespace {

/// A datagram socket pair that all workers share: a descriptor that one drops in, another takes out.
class Mailbox {
 public:
  Mailbox() { open_ = ::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends_) == 0; }
  void close() {
    if (open_) (void)::close(ends_[0]), (void)::close(ends_[1]);
    open_ = false;
  }
  void drop(int fd) {
    Message message;
    cmsghdr* header = CMSG_FIRSTHDR(&message.head);
    *header = {CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS};
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    (void)::sendmsg(ends_[0], &message.head, MSG_DONTWAIT);
  }
  /// -1: it was empty.
  int take() {
    Message message;
    if (::recvmsg(ends_[1], &message.head, MSG_DONTWAIT) != 1) return -1;
    const cmsghdr* header = CMSG_FIRSTHDR(&message.head);
    int fd = -1;
    if (header != nullptr && header->cmsg_type == SCM_RIGHTS) std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
  }

 private:
  struct Message {
    Message() {
      head.msg_iov = &data;
      head.msg_iovlen = 1;
      head.msg_control = control;
      head.msg_controllen = sizeof control;
    }
    char byte = 'd';
    iovec data{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr head{};
  };
  int ends_[2];
  bool open_;
};

/// Few enough that a worker never meets its own RLIMIT_NOFILE.
class Kept {
 public:
  void add(int fd) {
    if (fd < 0) return;
    if (count_ == kMost)
      while (count_ > 0) drop();
    fds_[count_++] = fd;
  }
  void drop() {
    if (count_ > 0) (void)::close(fds_[--count_]);
  }
  [[nodiscard]] int last() const { return count_ > 0 ? fds_[count_ - 1] : -1; }

 private:
  static constexpr int kMost = 40;
  int fds_[kMost];
  int count_ = 0;
};

void fork_once(bool by_force, StormProgress& progress) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (by_force) (void)::pause();
    ::_exit(0);
  }
  if (pid < 0) return;   // refused
  if (by_force) (void)::kill(pid, SIGKILL);
  int status = 0;
  (void)::waitpid(pid, &status, 0);
  if (by_force && WIFSIGNALED(status)) ++progress.killed;
}

void open_pipe(Kept& kept) {
  int ends[2];
  if (::pipe(ends) != 0) return;
  kept.add(ends[0]);
  kept.add(ends[1]);
}

void map_once() {
  void* area = ::mmap(nullptr, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (area != MAP_FAILED) (void)::munmap(area, 64 * 4096);
}

void churn(StormProgress& progress, Mailbox& mailbox, unsigned seed) {
  Kept kept;
  while (progress.left.fetch_sub(1) > 0) {
    seed = seed * 1103515245 + 12345;
    switch ((seed >> 16) % 10) {
      case 0:
      case 1: kept.add(::open("/dev/null", O_RDONLY)); break;
      case 2: kept.add(::socket(AF_INET, SOCK_STREAM, 0)); break;
      case 3: kept.add(::socket(AF_UNIX, SOCK_DGRAM, 0)); break;
      case 4: open_pipe(kept); break;
      case 5: map_once(); break;
      case 6: kept.drop(); break;
      case 7:
        if (kept.last() >= 0) mailbox.drop(kept.last()), kept.drop();
        break;
      case 8:
        if (const int fd = mailbox.take(); fd >= 0) ++progress.passed, kept.add(fd);
        break;
      default:
        if ((seed >> 20) % 8 == 0) fork_once((seed >> 23) % 2 == 0, progress);   // a fork costs a hundred opens
    }
  }
}

}  // namespace

void start_storm(StormProgress& progress, bool stay, pid_t (&workers)[kStormWorkers]) {
  Mailbox mailbox;
  for (int i = 0; i < kStormWorkers; ++i) {
    if ((workers[i] = ::fork()) != 0) continue;
    while (!progress.all_started) (void)::usleep(1'000);   // or children of the first would leave no place for the last
    churn(progress, mailbox, static_cast<unsigned>(i) * 7919 + 1);
    mailbox.close();   // with the last of them go the descriptors that nobody took
    ++progress.finished;
    while (stay) (void)::pause();
    ::_exit(0);
  }
  progress.all_started = true;
  mailbox.close();
}

}  // namespace ubc::test

// SPDX-License-Identifier: Apache-2.0
// numfile on a real kernel: every way to get a struct file, both sides of the barrier, and who pays until when.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "tests/support/slot_process.h"

namespace ubc::test {
namespace {

struct Tally {
  int granted = 0;
  int refused_with = 0;
  std::uint64_t held_then = 0;
};

/// Calls `make` until it fails or 100 times, in the slot, with room for `room` files more than the process has.
Tally fill(std::uint32_t slot, std::uint64_t room, const std::function<int()>& make) {
  Shared<Tally> tally;
  (void)run_in(slot, [&] {
    limit(slot, UBC_NUMFILE, held(slot, UBC_NUMFILE) + room, UBC_UNLIMITED);
    for (; tally->granted < 100; ++tally->granted)
      if (make() < 0) {
        tally->refused_with = errno;
        break;
      }
    tally->held_then = held(slot, UBC_NUMFILE);
    return 0;
  });
  return *tally;
}

TEST(Numfile, OpenIsAllowedAtTheBarrierAndRefusedAboveItWithEnfile) {
  const std::uint32_t slot = fresh_slot();
  const Tally tally = fill(slot, 20, [] { return ::open("/dev/null", O_RDONLY); });
  EXPECT_EQ(tally.granted, 20);
  EXPECT_EQ(tally.refused_with, ENFILE);
  EXPECT_EQ(tally.held_then, 20U);
  EXPECT_EQ(maxheld(slot, UBC_NUMFILE), 20U);
  EXPECT_EQ(failcnt(slot, UBC_NUMFILE), 1U);
  EXPECT_EQ(settled(slot, UBC_NUMFILE, 0), 0U);
}

TEST(Numfile, APipeIsTwoFiles) {
  const std::uint32_t slot = fresh_slot();
  const Tally tally = fill(slot, 7, [] {
    int ends[2];
    return ::pipe(ends);
  });
  EXPECT_EQ(tally.granted, 3);
  EXPECT_EQ(tally.refused_with, ENFILE);
  EXPECT_EQ(tally.held_then, 6U);
  EXPECT_EQ(settled(slot, UBC_NUMFILE, 0), 0U);
}

TEST(Numfile, ASocketIsAFileToo) {
  const std::uint32_t slot = fresh_slot();
  const Tally tally = fill(slot, 5, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0); });
  EXPECT_EQ(tally.granted, 5);
  EXPECT_EQ(tally.refused_with, ENFILE);
  EXPECT_EQ(settled(slot, UBC_NUMFILE, 0), 0U);
  EXPECT_EQ(settled(slot, UBC_NUMOTHERSOCK, 0), 0U);
}

TEST(Numfile, AnonymousFilesCountEach) {
  const std::function<int()> makers[] = {
      [] { return ::eventfd(0, 0); },
      [] { return ::epoll_create1(0); },
      [] { return ::timerfd_create(CLOCK_MONOTONIC, 0); },
      [] { return ::memfd_create("x", 0); },
  };
  for (const auto& make : makers) {
    const std::uint32_t slot = fresh_slot();
    const Tally tally = fill(slot, 9, make);
    EXPECT_EQ(tally.granted, 9);
    EXPECT_EQ(tally.held_then, 9U);
    EXPECT_GE(failcnt(slot, UBC_NUMFILE), 1U);
    EXPECT_EQ(settled(slot, UBC_NUMFILE, 0), 0U);
  }
}

TEST(Numfile, DupAndForkAreFree) {
  const std::uint32_t slot = fresh_slot();
  Shared<std::uint64_t> before, after;
  EXPECT_EQ(run_in(slot,
                   [&] {
                     const int fd = ::open("/dev/null", O_RDONLY);
                     *before = held(slot, UBC_NUMFILE);
                     for (int i = 0; i < 10; ++i) (void)::dup(fd);
                     const Process child{[] { return ::pause(); }};
                     *after = held(slot, UBC_NUMFILE);
                     return 0;
                   }),
            0);
  EXPECT_EQ(*before, 1U);
  EXPECT_EQ(*after, 1U);
}

/// Sends one descriptor over `through`.
bool send_fd(int through, int fd) {
  char byte = 0, space[CMSG_SPACE(sizeof(int))] = {};
  iovec io{&byte, 1};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  ::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return ::sendmsg(through, &message, 0) == 1;
}

int receive_fd(int through) {
  char byte = 0, space[CMSG_SPACE(sizeof(int))] = {};
  iovec io{&byte, 1};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  if (::recvmsg(through, &message, 0) != 1 || CMSG_FIRSTHDR(&message) == nullptr) return -1;
  int fd = -1;
  ::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}

TEST(Numfile, ThePassedFileIsItsOpenersUntilTheReceiverClosesIt) {
  const std::uint32_t opener = fresh_slot(), receiver = fresh_slot();
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  EXPECT_EQ(run_in(opener, [&] { return send_fd(pair[0], ::open("/dev/zero", O_RDONLY)) ? 0 : 1; }), 0);
  EXPECT_EQ(settled(opener, UBC_NUMPROC, 0), 0U);
  EXPECT_EQ(held(opener, UBC_NUMFILE), 1U);   // in flight, its process dead
  EXPECT_EQ(run_in(receiver,
                   [&] {
                     const int fd = receive_fd(pair[1]);
                     if (held(opener, UBC_NUMFILE) != 1 || held(receiver, UBC_NUMFILE) != 0) return 1;
                     return ::close(fd);
                   }),
            0);
  EXPECT_EQ(settled(opener, UBC_NUMFILE, 0), 0U);
  (void)::close(pair[0]);
  (void)::close(pair[1]);
}

TEST(Numfile, KillGivesAllBackAndASecondContainerNoticesNothing) {
  const std::uint32_t slot = fresh_slot(), other = fresh_slot();
  limit(slot, UBC_NUMFILE, 30, 30);
  limit(other, UBC_NUMFILE, 30, 30);
  Process hog{joined(slot, [] {
    while (true)
      if (::open("/dev/null", O_RDONLY) < 0) (void)::usleep(1000);
    return 0;
  })};
  EXPECT_EQ(settled(slot, UBC_NUMFILE, 30), 30U);
  EXPECT_EQ(run_in(other, [] { return ::open("/dev/null", O_RDONLY) >= 0 ? 0 : 1; }), 0);
  EXPECT_EQ(failcnt(other, UBC_NUMFILE), 0U);
  hog.kill();
  (void)hog.wait();
  EXPECT_EQ(settled(slot, UBC_NUMFILE, 0), 0U);
  EXPECT_GT(failcnt(slot, UBC_NUMFILE), 0U);
}

}  // namespace
}  // namespace ubc::test

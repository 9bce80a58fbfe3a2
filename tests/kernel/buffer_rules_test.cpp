// SPDX-License-Identifier: Apache-2.0
// Socket buffers by OpenVZ's rules: what a socket may take between barrier and limit, and whose the bytes are until they are gone.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "os/fd.h"
#include "tests/support/socket_buffers.h"

namespace ubc::test {
namespace {

using Tcpsndbuf = SocketBuffers;
using Tcprcvbuf = SocketBuffers;
using Dgramrcvbuf = SocketBuffers;

TEST_F(Tcpsndbuf, AboveTheBarrierEachSocketTakesItsShareAndNoMore) {
  const std::uint32_t slot = fresh_slot(), other = fresh_slot();
  limit(slot, UBC_NUMTCPSOCK, 16, 16);
  limit(slot, UBC_TCPSNDBUF, 128 * kKiB, (128 + 16 * 64) * kKiB);   // a share is 64 KiB
  Shared<std::array<std::uint64_t, 2>> seen;
  Shared<Outcome> elsewhere;
  const auto fill = [](Connections& all) {
    if (!all.add()) return Outcome{};
    const int buffer = 1 << 20;   // as much as the kernel allows: not what stops it
    (void)::setsockopt(all.pairs.back().sender, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    return send_until_refused(all.pairs.back().sender, 4 * kKiB);
  };
  EXPECT_EQ(run_in(slot,
                   [&] {
                     Connections all;
                     for (std::uint64_t& now : *seen) {
                       if (fill(all).failed_with != ENOBUFS) return 1;
                       now = held(slot, UBC_TCPSNDBUF);
                     }
                     return 0;
                   }),
            0);
  EXPECT_EQ(run_in(other,
                   [&] {
                     Connections all;
                     *elsewhere = fill(all);
                     return 0;
                   }),
            0);
  EXPECT_GT((*seen)[0], 128 * kKiB);
  EXPECT_LE((*seen)[0], 192 * kKiB);
  // The second socket found room that the first could not take; how much, on a busy machine, what of the first is on its way decides.
  EXPECT_GT((*seen)[1], (*seen)[0] + 8 * kKiB);
  EXPECT_LE((*seen)[1], 256 * kKiB);
  EXPECT_EQ(failcnt(slot, UBC_TCPSNDBUF), 2U);
  EXPECT_EQ(elsewhere->failed_with, EAGAIN);
  EXPECT_GT(elsewhere->sent, 256 * kKiB);
  EXPECT_EQ(failcnt(other, UBC_TCPSNDBUF), 0U);
  EXPECT_EQ(settled(slot, UBC_TCPSNDBUF, 0), 0U);
}

TEST_F(Tcpsndbuf, ATinyWindowsPacketsAreMostlyHeadsAndReservedAsSuch) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_TCPSNDBUF, 300 * kKiB, 300 * kKiB);
  Shared<Outcome> seen;
  EXPECT_EQ(run_in(slot,
                   [&] {
                     Connections all;
                     const int least = 1, most = 1 << 20;
                     (void)::setsockopt(all.listener, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
                     if (!all.add()) return 1;
                     (void)::setsockopt(all.pairs[0].sender, SOL_SOCKET, SO_SNDBUF, &most, sizeof most);
                     *seen = send_until_refused(all.pairs[0].sender, 128 * kKiB);   // three times that in packets
                     return 0;
                   }),
            0);
  EXPECT_EQ(seen->failed_with, ENOBUFS);
  EXPECT_LE(maxheld(slot, UBC_TCPSNDBUF), 300 * kKiB);
  EXPECT_EQ(settled(slot, UBC_TCPSNDBUF, 0), 0U);
}

int bytes_to_read(int fd) {
  int bytes = 0;
  (void)::ioctl(fd, FIONREAD, &bytes);
  return bytes;
}

constexpr std::size_t kConnections = 9;

/// A container's server on connections of the host.
struct Server {
  std::atomic<int> step;
  sockaddr_in address;
  std::array<std::atomic<int>, kConnections> waiting;   // bytes to read of each connection
  std::uint64_t read;
};

/// Reads the first word of each connection; shows what waits until `step` is 2; then reads all.
int serve(Server& server) {
  Connections all;
  server.address = all.address;
  server.step = 1;
  std::array<int, kConnections> fds{};
  for (int& fd : fds) {
    char word[100];
    fd = ::accept(all.listener, nullptr, nullptr);
    if (::recv(fd, word, sizeof word, MSG_WAITALL) != sizeof word) return 1;
  }
  for (; server.step != 2; (void)::usleep(1000))
    for (std::size_t i = 0; i < kConnections; ++i) server.waiting[i] = bytes_to_read(fds[i]);
  for (; server.step != 3; (void)::usleep(10'000))
    for (const int fd : fds) server.read += read_all(fd);
  return 0;
}

int connect_to(const sockaddr_in& address) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0), on = 1;
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? fd : -1;
}

TEST_F(Tcprcvbuf, AboveTheBarrierOnlyASocketWithNothingQueuedTakesASegment) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_NUMTCPSOCK, 1000, 1000);                       // a segment for each would be more than the limit
  limit(slot, UBC_TCPRCVBUF, 48 * kKiB, 1024 * kKiB);
  Shared<Server> server;
  Process process{joined(slot, [&] { return serve(*server); })};
  ASSERT_TRUE(comes_true([&] { return server->step == 1; }));
  std::array<int, kConnections> fds{};
  for (int& fd : fds) {
    fd = connect_to(server->address);
    ASSERT_EQ(send_until_refused(fd, 100, 100).sent, 100U);
  }
  std::uint64_t sent = send_until_refused(fds[0], 4 * kKiB, 96 * kKiB).sent;
  ASSERT_TRUE(comes_true([&] { return failcnt(slot, UBC_TCPRCVBUF) > 0; }));
  EXPECT_LE(held(slot, UBC_TCPRCVBUF), 48 * kKiB);
  EXPECT_TRUE(comes_true([&] { return server->waiting[0] > 16 * 1024; })) << "the reader looks every millisecond";
  for (std::size_t i = 1; i < kConnections; ++i) sent += send_until_refused(fds[i], 2000, 2000).sent;
  for (std::size_t i = 1; i < kConnections; ++i) EXPECT_TRUE(comes_true([&] { return server->waiting[i] == 2000; })) << i;
  EXPECT_GT(held(slot, UBC_TCPRCVBUF), 48 * kKiB);
  for (std::size_t i = 1; i < kConnections; ++i) sent += send_until_refused(fds[i], 2000, 2000).sent;
  (void)::usleep(500'000);
  for (std::size_t i = 1; i < kConnections; ++i) EXPECT_EQ(server->waiting[i], 2000) << i;
  server->step = 2;
  // Dropped, and sent again after ever longer pauses.
  for (int tries = 0; tries < 6 && server->read != sent; ++tries) (void)comes_true([&] { return server->read == sent; });
  EXPECT_EQ(server->read, sent);
  server->step = 3;
  EXPECT_EQ(process.wait(), 0);
  EXPECT_LE(maxheld(slot, UBC_TCPRCVBUF), 1024 * kKiB);
  for (const int fd : fds) (void)::close(fd);
  EXPECT_EQ(settled(slot, UBC_TCPRCVBUF, 0), 0U);
}

/// A page that never comes: who reads into it sleeps with its socket locked. Made before the process gives up its rights.
void* page_that_never_comes() {
  const int watch = static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC));
  uffdio_api api{.api = UFFD_API, .features = 0, .ioctls = 0};
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  uffdio_register range{.range = {reinterpret_cast<std::uint64_t>(page), 4096}, .mode = UFFDIO_REGISTER_MODE_MISSING, .ioctls = 0};
  const bool watched = ::ioctl(watch, UFFDIO_API, &api) == 0 && ::ioctl(watch, UFFDIO_REGISTER, &range) == 0;
  return watched ? page : nullptr;
}

TEST_F(Tcprcvbuf, WhatWaitsForACallThatSleepsWithTheSocketIsCharged) {
  const std::uint32_t slot = fresh_slot();
  struct Seen {
    std::atomic<int> fd;
    sockaddr_in address;
  };
  Shared<Seen> seen;
  Process reader{[&] {
    void* page = page_that_never_comes();
    if (page == nullptr) return 1;
    return joined(slot, [&] {
      Connections all;
      seen->address = all.address;
      seen->fd = -1;
      const int fd = ::accept(all.listener, nullptr, nullptr);
      seen->fd = fd;
      return static_cast<int>(::recv(fd, page, 4096, 0));
    })();
  }};
  ASSERT_TRUE(comes_true([&] { return seen->fd == -1; }));
  const int sender = connect_to(seen->address);
  ASSERT_TRUE(comes_true([&] { return seen->fd > 0; }));
  const os::Fd process{static_cast<int>(::syscall(SYS_pidfd_open, reader.pid(), 0))};
  const int same = static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), seen->fd.load(), 0));
  (void)send_until_refused(sender, 1000, 1000);
  ASSERT_TRUE(comes_true([&] {   // once the reader sleeps with it, all that comes waits
    (void)send_until_refused(sender, 1000, 1000);
    return memory_of(same).backlog > 10'000;
  }));
  EXPECT_GE(held(slot, UBC_TCPRCVBUF), memory_of(same).tcp_received + memory_of(same).backlog);
  reader.kill();
  (void)reader.wait();
  (void)::close(same);
  (void)::close(sender);
  EXPECT_EQ(settled(slot, UBC_TCPRCVBUF, 0), 0U);
}

TEST_F(Tcpsndbuf, WhatAKilledProcessSentIsItsContainersUntilThePeerTookIt) {
  const std::uint32_t slot = fresh_slot();
  sockaddr_in address{};
  const int listener = bound_socket(SOCK_STREAM, address);
  ASSERT_EQ(::listen(listener, 1), 0);
  Shared<std::atomic<std::uint64_t>> sent;
  Process sender{joined(slot, [&] {
    *sent = send_until_refused(connect_to(address), 16 * kKiB).sent;
    for (;;) (void)::pause();
    return 0;
  })};
  const int receiver = ::accept(listener, nullptr, nullptr);
  ASSERT_TRUE(comes_true([&] { return sent->load() > 0; }));
  const std::uint64_t before = held(slot, UBC_TCPSNDBUF);
  EXPECT_GT(before, 16 * kKiB);
  sender.kill();
  (void)sender.wait();
  (void)::usleep(200'000);
  EXPECT_GT(held(slot, UBC_TCPSNDBUF), before / 10 * 9);   // what was on its way has arrived meanwhile
  std::uint64_t read = 0;
  EXPECT_TRUE(comes_true([&] { return (read += read_all(receiver)) == sent->load(); }));
  (void)::close(receiver);
  (void)::close(listener);
  EXPECT_EQ(settled(slot, UBC_TCPSNDBUF, 0), 0U);
}

TEST_F(Dgramrcvbuf, WhatWaitsInASocketIsItsMakersUntilTheLastOneWhoHasItClosesIt) {
  const std::uint32_t slot = fresh_slot();
  struct Seen {
    std::atomic<int> fd;
    sockaddr_in address;
  };
  Shared<Seen> seen;
  Process receiver{joined(slot, [&] {
    const int fd = bound_socket(SOCK_DGRAM, seen->address);
    seen->fd = fd;
    for (;;) (void)::pause();
    return 0;
  })};
  ASSERT_TRUE(comes_true([&] { return seen->fd != 0; }));
  const int sender = ::socket(AF_INET, SOCK_DGRAM, 0);
  const std::array<char, 1000> datagram{};
  for (int i = 0; i < 40; ++i)
    (void)::sendto(sender, datagram.data(), datagram.size(), 0, reinterpret_cast<const sockaddr*>(&seen->address), sizeof seen->address);
  const std::uint64_t before = held(slot, UBC_DGRAMRCVBUF);
  EXPECT_GT(before, 40'000U);
  const os::Fd process{static_cast<int>(::syscall(SYS_pidfd_open, receiver.pid(), 0))};
  const int passed = static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), seen->fd.load(), 0));   // as SCM_RIGHTS would
  ASSERT_GE(passed, 0);
  receiver.kill();
  (void)receiver.wait();
  (void)::usleep(200'000);
  EXPECT_EQ(held(slot, UBC_DGRAMRCVBUF), before);
  EXPECT_EQ(before, memory_of(passed).received);
  (void)::close(passed);
  (void)::close(sender);
  EXPECT_EQ(settled(slot, UBC_DGRAMRCVBUF, 0), 0U);
}

}  // namespace
}  // namespace ubc::test

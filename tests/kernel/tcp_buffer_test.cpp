// SPDX-License-Identifier: Apache-2.0
// tcpsndbuf and tcprcvbuf on a real kernel, on loopback.
#include <array>
#include <atomic>
#include <memory>

#include "tests/support/socket_buffers.h"

namespace ubc::test {
namespace {

using Tcpsndbuf = SocketBuffers;
using Tcprcvbuf = SocketBuffers;

TEST_F(Tcpsndbuf, SendersWithoutWaitingStopNearTheBarrierWithEnobufs) {
  const std::uint32_t slot = fresh_slot();
  constexpr std::uint64_t kLimit = 1024 * kKiB;
  limit(slot, UBC_TCPSNDBUF, kLimit, kLimit);
  struct Seen {
    Outcome last;
    std::uint64_t held, queued;
    bool connected;
  };
  Shared<Seen> seen;
  EXPECT_EQ(run_in(slot,
                   [&] {
                     Connections all;
                     seen->connected = true;
                     for (int i = 0; i < 40; ++i) seen->connected = seen->connected && all.add();
                     for (const Pair& pair : all.pairs) {
                       const Outcome outcome = send_until_refused(pair.sender, 16 * kKiB);
                       if (seen->last.failed_with != ENOBUFS) seen->last = outcome;
                     }
                     (void)::usleep(300'000);
                     seen->held = held(slot, UBC_TCPSNDBUF);
                     seen->queued = all.queued();
                     return 0;
                   }),
            0);
  EXPECT_TRUE(seen->connected);
  EXPECT_EQ(seen->last.failed_with, ENOBUFS);
  EXPECT_GT(seen->queued, kLimit / 2);
  EXPECT_NEAR(static_cast<double>(seen->held), static_cast<double>(seen->queued), 0.02 * kLimit);
  EXPECT_LE(maxheld(slot, UBC_TCPSNDBUF), kLimit);
  EXPECT_GE(failcnt(slot, UBC_TCPSNDBUF), 1U);
  EXPECT_EQ(settled(slot, UBC_TCPSNDBUF, 0), 0U);
  EXPECT_EQ(settled(slot, UBC_TCPRCVBUF, 0), 0U);
}

TEST_F(Tcpsndbuf, ABlockingSenderBelowTheBarrierWaitsForItsReaderAndNeverFails) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_TCPSNDBUF, 16384 * kKiB, 16384 * kKiB);   // the kernel alone lets a socket go to four
  constexpr std::uint64_t kBytes = 8 * 1024 * kKiB;
  Shared<std::array<std::uint64_t, 2>> seen;
  EXPECT_EQ(run_in(slot,
                   [&] {
                     Connections one;
                     if (!one.add()) return 1;
                     Process reader{[&] {
                       std::vector<char> buffer(64 * kKiB);
                       while ((*seen)[1] < kBytes) {
                         const ssize_t got = ::recv(one.pairs[0].receiver, buffer.data(), buffer.size(), 0);
                         if (got <= 0) return 1;
                         (*seen)[1] += static_cast<std::uint64_t>(got);
                       }
                       return 0;
                     }};
                     const std::vector<char> message(1024 * kKiB, 'x');
                     while ((*seen)[0] < kBytes) {
                       const ssize_t sent = ::send(one.pairs[0].sender, message.data(), message.size(), MSG_NOSIGNAL);
                       if (sent <= 0) return errno;
                       (*seen)[0] += static_cast<std::uint64_t>(sent);
                     }
                     return reader.wait();
                   }),
            0);
  EXPECT_EQ((*seen)[1], kBytes);
  EXPECT_EQ(failcnt(slot, UBC_TCPSNDBUF), 0U);
  EXPECT_EQ(settled(slot, UBC_TCPSNDBUF, 0), 0U);
}

TEST_F(Tcprcvbuf, WhileTheReaderSleepsSegmentsAreDroppedAndWhenItWakesAllBytesArrive) {
  const std::uint32_t slot = fresh_slot();
  constexpr std::uint64_t kLimit = 512 * kKiB, kEach = 200 * kKiB;
  constexpr int kConnections = 16;   // each of which the kernel alone would let take some 100 KiB
  limit(slot, UBC_TCPRCVBUF, kLimit, kLimit);
  struct Seen {
    std::atomic<int> step;
    sockaddr_in address;
    std::uint64_t read;
  };
  Shared<Seen> seen;
  Process reader{joined(slot, [&] {
    Connections server;
    seen->address = server.address;
    seen->step = 1;
    int fds[kConnections];
    for (int& fd : fds) fd = ::accept(server.listener, nullptr, nullptr);
    while (seen->step != 2) (void)::usleep(1000);
    for (int tries = 0; tries < 6000 && seen->read < kConnections * kEach; ++tries, (void)::usleep(10'000))
      for (const int fd : fds) seen->read += read_all(fd);
    return 0;
  })};
  ASSERT_TRUE(comes_true([&] { return seen->step == 1; }));
  std::vector<std::unique_ptr<Process>> senders;   // the host's
  for (int i = 0; i < kConnections; ++i)
    senders.push_back(std::make_unique<Process>([&] {
      const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
      if (::connect(fd, reinterpret_cast<sockaddr*>(&seen->address), sizeof seen->address) != 0) return 1;
      const std::vector<char> message(kEach, 'x');
      std::uint64_t sent = 0;
      while (sent < kEach) {
        const ssize_t more = ::send(fd, message.data() + sent, kEach - sent, MSG_NOSIGNAL);
        if (more <= 0) return 2;
        sent += static_cast<std::uint64_t>(more);
      }
      (void)::shutdown(fd, SHUT_WR);
      char end = 0;
      return ::recv(fd, &end, 1, 0) == 0 ? 0 : 3;   // until the reader has all
    }));
  EXPECT_TRUE(comes_true([&] { return failcnt(slot, UBC_TCPRCVBUF) > 0; }));
  EXPECT_TRUE(comes_true([&] { return held(slot, UBC_TCPRCVBUF) > kLimit / 2; }));
  seen->step = 2;
  EXPECT_EQ(reader.wait(), 0);
  EXPECT_EQ(seen->read, kConnections * kEach);
  EXPECT_LE(maxheld(slot, UBC_TCPRCVBUF), kLimit);
  for (const auto& sender : senders) EXPECT_EQ(sender->wait(), 0);
  EXPECT_EQ(settled(slot, UBC_TCPRCVBUF, 0), 0U);
}

}  // namespace
}  // namespace ubc::test

// SPDX-License-Identifier: Apache-2.0
// numtcpsock and numothersock on a real kernel, on loopback.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/slot_process.h"

namespace ubc::test {
namespace {

struct Tally {
  int granted = 0;
  int refused_with = 0;
};

Tally make_sockets(std::uint32_t slot, int family, int type) {
  Shared<Tally> tally;
  (void)run_in(slot, [&] {
    for (; tally->granted < 50; ++tally->granted)
      if (::socket(family, type, 0) < 0) {
        tally->refused_with = errno;
        break;
      }
    return 0;
  });
  return *tally;
}

TEST(Numtcpsock, TcpSocketsAreAllowedAtTheBarrierAndRefusedAboveItWithEnobufs) {
  for (const int family : {AF_INET, AF_INET6}) {
    const std::uint32_t slot = fresh_slot();
    limit(slot, UBC_NUMTCPSOCK, 7, 9);
    const Tally tally = make_sockets(slot, family, SOCK_STREAM);
    EXPECT_EQ(tally.granted, 7);
    EXPECT_EQ(tally.refused_with, ENOBUFS);
    EXPECT_EQ(maxheld(slot, UBC_NUMTCPSOCK), 7U);
    EXPECT_EQ(failcnt(slot, UBC_NUMTCPSOCK), 1U);
    EXPECT_EQ(maxheld(slot, UBC_NUMOTHERSOCK), 0U);
    EXPECT_EQ(settled(slot, UBC_NUMTCPSOCK, 0), 0U);
  }
}

TEST(Numothersock, EveryOtherSocketCountsAndSaysWhatOpenvzSaid) {
  struct Case {
    int family, type, refused_with;
  };
  for (const Case& each : {Case{AF_INET, SOCK_DGRAM, ENOBUFS}, Case{AF_UNIX, SOCK_STREAM, ENOMEM}, Case{AF_NETLINK, SOCK_RAW, ENOMEM}}) {
    const std::uint32_t slot = fresh_slot();
    limit(slot, UBC_NUMOTHERSOCK, 4, 4);
    const Tally tally = make_sockets(slot, each.family, each.type);
    EXPECT_EQ(tally.granted, 4) << each.family;
    EXPECT_EQ(tally.refused_with, each.refused_with) << each.family;
    EXPECT_EQ(failcnt(slot, UBC_NUMOTHERSOCK), 1U);
    EXPECT_EQ(settled(slot, UBC_NUMOTHERSOCK, 0), 0U);
  }
}

struct Listener {
  int fd = -1;
  sockaddr_in address{};
  Listener() {
    fd = ::socket(AF_INET, SOCK_STREAM, 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    (void)::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
    (void)::listen(fd, 64);
    (void)::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  }
};

int connect_to(const sockaddr_in& address) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  (void)::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return fd;
}

bool established(int fd) {
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  for (int tries = 0; tries < 20; ++tries, (void)::usleep(10'000))
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0) return true;
  return false;
}

TEST(Numtcpsock, AnAcceptedConnectionIsTheListenersAndAFullOneDropsTheHandshake) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_NUMTCPSOCK, 4, 4);
  Shared<sockaddr_in> where;
  Shared<std::atomic<bool>> listening;
  Process server{joined(slot, [&] {
    const Listener listener;
    *where = listener.address;
    listening->store(true);
    while (true) {
      (void)::accept(listener.fd, nullptr, nullptr);
    }
    return 0;
  })};
  while (!listening->load()) (void)::usleep(1000);
  int clients[5];   // the host's: not charged
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(established(clients[i] = connect_to(*where)));
  EXPECT_EQ(settled(slot, UBC_NUMTCPSOCK, 4), 4U);
  clients[3] = connect_to(*where);
  EXPECT_FALSE(established(clients[3]));
  EXPECT_GE(failcnt(slot, UBC_NUMTCPSOCK), 1U);
  EXPECT_EQ(maxheld(slot, UBC_NUMTCPSOCK), 4U);
  limit(slot, UBC_NUMTCPSOCK, 5, 5);   // the peer sends its SYN again: nothing is lost
  bool came = false;
  for (int tries = 0; tries < 30 && !came; ++tries) came = established(clients[3]);
  EXPECT_TRUE(came);
  server.kill();
  (void)server.wait();
  for (int i = 0; i < 4; ++i) (void)::close(clients[i]);
  EXPECT_EQ(settled(slot, UBC_NUMTCPSOCK, 0), 0U);
}

TEST(Numtcpsock, AFullGroupsListenerHearsNothingThoughItsContainerHasRoom) {
  const std::uint32_t group = fresh_slot(), slot = fresh_slot(), other = fresh_slot();
  for (const std::uint32_t member : {slot, other}) {
    const auto in_group = attached_ledger().join(member, group);
    EXPECT_TRUE(in_group);
  }
  limit(group, UBC_NUMTCPSOCK, 3, 3);
  Shared<sockaddr_in> where;
  Shared<std::atomic<bool>> listening, holding;
  Process server{joined(slot, [&] {
    const Listener listener;
    *where = listener.address;
    listening->store(true);
    while (true) (void)::accept(listener.fd, nullptr, nullptr);
    return 0;
  })};
  Process holder{joined(other, [&] {
    holding->store(::socket(AF_INET, SOCK_STREAM, 0) >= 0);
    return ::pause();
  })};
  while (!listening->load() || !holding->load()) (void)::usleep(1000);
  const int first = connect_to(*where), second = connect_to(*where);
  EXPECT_TRUE(established(first));
  EXPECT_FALSE(established(second));
  EXPECT_EQ(held(group, UBC_NUMTCPSOCK), 3U);
  EXPECT_GE(failcnt(group, UBC_NUMTCPSOCK), 1U);
  EXPECT_EQ(failcnt(slot, UBC_NUMTCPSOCK), 0U);
  server.kill();
  (void)server.wait();
  (void)::close(first);
  (void)::close(second);
  EXPECT_EQ(settled(group, UBC_NUMTCPSOCK, 1), 1U);
}

TEST(Numothersock, AUnixConnectionIsPaidForByTheOneThatConnects) {
  const std::uint32_t slot = fresh_slot();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (void)::snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "ubc-test-%d", ::getpid());
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener, 16), 0);
  limit(slot, UBC_NUMOTHERSOCK, 3, 3);
  Shared<int> second;
  EXPECT_EQ(run_in(slot,
                   [&] {
                     const int one = ::socket(AF_UNIX, SOCK_STREAM, 0);
                     if (::connect(one, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return 1;
                     if (held(slot, UBC_NUMOTHERSOCK) != 2) return 2;
                     const int two = ::socket(AF_UNIX, SOCK_STREAM, 0);
                     if (::connect(two, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return 3;
                     *second = errno;
                     return 0;
                   }),
            0);
  EXPECT_EQ(*second, ENOMEM);
  EXPECT_EQ(held(slot, UBC_NUMOTHERSOCK), 2U);   // the end that was never accepted, and its peer that it refers to
  (void)::close(listener);
  EXPECT_EQ(settled(slot, UBC_NUMOTHERSOCK, 0), 0U);
}

}  // namespace
}  // namespace ubc::test

// SPDX-License-Identifier: Apache-2.0
// How far a hostile guest gets over its numbers: a thousand sockets, 64 threads, blocking and not, with the kernel free to enlarge buffers.
// Each test prints what it saw; docs/resources.md states the worst.
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>

#include "os/text_file.h"
#include "tests/support/socket_buffers.h"

namespace ubc::test {
namespace {

using Tcpsndbuf = SocketBuffers;
using Tcprcvbuf = SocketBuffers;
using Othersockbuf = SocketBuffers;
using Dgramrcvbuf = SocketBuffers;

constexpr unsigned kThreads = 32, kSockets = 1000;  // so many threads of each sort
constexpr std::uint64_t kNumber = 8192 * kKiB, kMost = kNumber + kNumber / 50;
constexpr std::uint64_t kLeftOver = 128 * kKiB;  // events that were skipped as the last of their socket

struct StormSeen {
  std::uint64_t held, kernel;  // at the end, while all are stuck
  int failed_with;
  bool connected;
};

/// kThreads threads, the i-th of which does `body` for every kThreads-th of the sockets from i on.
std::vector<std::thread> share_out(std::size_t sockets, const std::function<void(std::size_t)>& body) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i)
    threads.emplace_back([=] {
      for (std::size_t at = i; at < sockets; at += kThreads) body(at);
    });
  return threads;
}

void join(std::vector<std::thread> threads) {
  for (std::thread& thread : threads) thread.join();
}

/// On sockets that nobody reads but now and then, half of the threads sleep in sends of 1 MiB, half send without waiting, until all are
/// full or refused; twice, with an eighth of the sockets drained in between.
void storm_of_sends(const std::vector<Pair>& pairs, std::uint32_t slot, ubc_resource resource, StormSeen& seen) {
  const std::vector<char> message(1024 * kKiB, 'x');
  const std::vector<std::thread> sleepers = share_out(pairs.size(), [&](std::size_t at) {  // refused: the next one
    if (::send(pairs[at].sender, message.data(), message.size(), MSG_NOSIGNAL) < 0) seen.failed_with = errno;
  });
  for (int round = 0; round < 2; ++round) {
    join(share_out(pairs.size(), [&](std::size_t at) { (void)send_until_refused(pairs[at].sender, 16 * kKiB); }));
    if (round == 0)
      for (std::size_t at = 0; at < pairs.size(); at += 8) (void)read_all(pairs[at].receiver);
  }
  (void)::usleep(500'000);
  seen.held = held(slot, resource);
  for (const Pair& pair : pairs)
    seen.kernel += resource == UBC_TCPSNDBUF ? memory_of(pair.sender).tcp_queued : memory_of(pair.sender).other_sent;
  ::_exit(0);  // the sleepers never come back
}

/// Half of the threads send all they can, half read a little here and there, so that a socket is often busy when its packets come.
void storm_of_input(const std::vector<Pair>& pairs, std::uint32_t slot, ubc_resource resource, StormSeen& seen) {
  std::atomic<bool> sending{true};
  std::vector<std::thread> readers = share_out(pairs.size(), [&](std::size_t at) {
    std::vector<char> some(4 * kKiB);
    for (int i = 0; i < 20 && sending; ++i) (void)::recv(pairs[at].receiver, some.data(), some.size(), MSG_DONTWAIT);
    if (at % 16 == 0) (void)read_all(pairs[at].receiver);
  });
  for (int round = 0; round < 3; ++round)
    join(share_out(pairs.size(), [&](std::size_t at) { (void)send_until_refused(pairs[at].sender, 8 * kKiB, 256 * kKiB); }));
  sending = false;
  join(std::move(readers));
  (void)::usleep(500'000);
  seen.held = held(slot, resource);
  for (const Pair& pair : pairs)
    seen.kernel += resource == UBC_TCPRCVBUF ? memory_of(pair.receiver).tcp_received : memory_of(pair.receiver).received;
}

void expect_bounded(std::uint32_t slot, ubc_resource resource, const StormSeen& seen) {
  const auto number = static_cast<double>(kNumber);
  std::printf("resource %d: limit %llu, maxheld %llu (%+.1f %%), held %llu, the kernel's own %llu, refused %llu\n", resource,
              static_cast<unsigned long long>(kNumber), static_cast<unsigned long long>(maxheld(slot, resource)),
              100 * (static_cast<double>(maxheld(slot, resource)) / number - 1), static_cast<unsigned long long>(seen.held),
              static_cast<unsigned long long>(seen.kernel), static_cast<unsigned long long>(failcnt(slot, resource)));
  EXPECT_TRUE(seen.connected);
  EXPECT_LE(maxheld(slot, resource), kMost);
  EXPECT_LE(seen.kernel, kMost);
  EXPECT_GT(seen.kernel, kNumber / 2);
  // Sleeping senders are charged what they were let go up to: never less than there is, and a chunk each more at the most.
  EXPECT_GE(seen.held + kLeftOver, seen.kernel);
  EXPECT_LE(seen.held, seen.kernel + kThreads * 56 * kKiB);
  EXPECT_GT(failcnt(slot, resource), 0U);
  // Connections without a process go when the peer's reset or a retransmission tells them to.
  for (int tries = 0; tries < 24 && held(slot, resource) != 0; ++tries) (void)settled(slot, resource, 0);
  EXPECT_EQ(held(slot, resource), 0U);
}

using Storm = void (*)(const std::vector<Pair>&, std::uint32_t, ubc_resource, StormSeen&);

/// A thousand connections under the storm, of a process in the cgroup. `window`: SO_RCVBUF of the receivers; 0: as the kernel has it.
StormSeen on_connections(std::uint32_t slot, ubc_resource resource, Storm storm, const std::string& cgroup, int window = 0) {
  limit(slot, resource, kNumber, kNumber);
  const rlimit many{8192, 8192};
  (void)::setrlimit(RLIMIT_NOFILE, &many);
  Shared<StormSeen> seen;
  Process stormer{[&] {
    if (!os::write_knob(cgroup + "/cgroup.procs", "0")) return 201;
    return joined(slot, [&] {
      Connections all;
      if (window != 0) (void)::setsockopt(all.listener, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
      seen->connected = true;
      for (unsigned i = 0; i < kSockets; ++i) seen->connected = seen->connected && all.add();
      storm(all.pairs, slot, resource, *seen);
      return 0;
    })();
  }};
  EXPECT_EQ(stormer.wait(), 0);
  return *seen;
}

TEST_F(Tcpsndbuf, AThousandSocketsOfSixtyFourThreadsStayWithinTheBoundInAContainersCgroup) {
  const std::uint32_t slot = fresh_slot();
  const StormSeen seen = on_connections(slot, UBC_TCPSNDBUF, storm_of_sends, kContainersCgroup);
  EXPECT_EQ(seen.failed_with, ENOBUFS);
  expect_bounded(slot, UBC_TCPSNDBUF, seen);
}

TEST_F(Tcpsndbuf, AndWithTinyWindowsForWhichPacketsAreMostlyHeads) {
  const std::uint32_t slot = fresh_slot();
  const StormSeen seen = on_connections(slot, UBC_TCPSNDBUF, storm_of_sends, kContainersCgroup, 1);
  EXPECT_EQ(seen.failed_with, ENOBUFS);
  expect_bounded(slot, UBC_TCPSNDBUF, seen);
}

TEST_F(Tcpsndbuf, AndWithAutotuningElsewhere) {
  const std::uint32_t slot = fresh_slot();
  const StormSeen seen = on_connections(slot, UBC_TCPSNDBUF, storm_of_sends, "/sys/fs/cgroup");
  EXPECT_EQ(seen.failed_with, ENOBUFS);
  expect_bounded(slot, UBC_TCPSNDBUF, seen);
}

TEST_F(Tcprcvbuf, AThousandSocketsOfSixtyFourThreadsStayWithinTheBound) {
  const std::uint32_t slot = fresh_slot();
  expect_bounded(slot, UBC_TCPRCVBUF, on_connections(slot, UBC_TCPRCVBUF, storm_of_input, "/sys/fs/cgroup"));
}

/// A thousand pairs that `make` makes, under the storm.
StormSeen on_pairs(std::uint32_t slot, ubc_resource resource, Storm storm, Pair (*make)()) {
  limit(slot, resource, kNumber, kNumber);
  const rlimit many{8192, 8192};
  (void)::setrlimit(RLIMIT_NOFILE, &many);
  Shared<StormSeen> seen;
  EXPECT_EQ(run_in(slot,
                   [&] {
                     std::vector<Pair> pairs(kSockets);
                     for (Pair& pair : pairs) pair = make();
                     seen->connected = pairs.back().sender >= 0;
                     storm(pairs, slot, resource, *seen);
                     return 0;
                   }),
            0);
  return *seen;
}

TEST_F(Othersockbuf, AThousandSocketsOfSixtyFourThreadsStayWithinTheBound) {
  const std::uint32_t slot = fresh_slot();
  const StormSeen seen = on_pairs(slot, UBC_OTHERSOCKBUF, storm_of_sends, [] { return unix_pair(); });
  EXPECT_EQ(seen.failed_with, ENOBUFS);
  expect_bounded(slot, UBC_OTHERSOCKBUF, seen);
}

/// Sent and read on several processors at once, of a socket that holds next to nothing: what is given back must have been charged before.
TEST_F(Othersockbuf, OfASocketThatManyWriteAndReadIsNeverGivenBackMoreThanWasCharged) {
  constexpr int kWorkers = 2, kMessages = 400'000;
  const std::uint32_t slot = fresh_slot();
  const std::uint64_t lost = attached_ledger().health().losses[UBC_LOSS_UNCHARGE_TOO_MUCH];
  EXPECT_EQ(run_in(slot,
                   [&] {
                     int ends[2];
                     if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) != 0) return 1;
                     std::vector<std::thread> workers;
                     for (int i = 0; i < kWorkers; ++i)
                       workers.emplace_back([&, sends = i % 2 == 0] {
                         char byte = 'd';
                         for (int n = 0; n < kMessages; ++n) (void)(sends ? ::send(ends[0], &byte, 1, 0) : ::recv(ends[1], &byte, 1, 0));
                       });
                     join(std::move(workers));
                     return 0;
                   }),
            0);
  EXPECT_EQ(settled(slot, UBC_OTHERSOCKBUF, 0), 0U);
  EXPECT_EQ(attached_ledger().health().losses[UBC_LOSS_UNCHARGE_TOO_MUCH], lost);
}

Pair udp_pair() {
  sockaddr_in address{};
  const int receiver = bound_socket(SOCK_DGRAM, address), sender = ::socket(AF_INET, SOCK_DGRAM, 0);
  (void)::connect(sender, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return {sender, receiver};
}

TEST_F(Dgramrcvbuf, AThousandSocketsOfSixtyFourThreadsStayWithinTheBound) {
  const std::uint32_t slot = fresh_slot();
  expect_bounded(slot, UBC_DGRAMRCVBUF, on_pairs(slot, UBC_DGRAMRCVBUF, storm_of_input, udp_pair));
}

}  // namespace
}  // namespace ubc::test

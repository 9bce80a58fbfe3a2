// SPDX-License-Identifier: Apache-2.0
// othersockbuf and dgramrcvbuf on a real kernel. What the hooks hold is compared with what the kernel says of each socket.
#include <array>
#include <atomic>
#include <cstring>

#include "tests/support/socket_buffers.h"

namespace ubc::test {
namespace {

using Othersockbuf = SocketBuffers;
using Dgramrcvbuf = SocketBuffers;

// First in the file: the census is seen only where the group was not attached yet.
TEST(BufferGroup, AttachingItCountsWhatOpenSocketsHold) {
  const std::uint32_t slot = fresh_slot();
  ASSERT_FALSE(bpf::group_attached(bpf::HookGroup::socket_buffers));
  Shared<std::uint64_t> sent;
  Shared<std::atomic<bool>> ready;
  Process holder{joined(slot, [&] {
    const Pair pair = unix_pair();
    (void)send_until_refused(pair.sender, 1000, 20'000);
    *sent = memory_of(pair.sender).other_sent;
    ready->store(true);
    for (;;) (void)::pause();
    return 0;
  })};
  ASSERT_TRUE(comes_true([&] { return ready->load(); }));
  EXPECT_EQ(held(slot, UBC_OTHERSOCKBUF), 0U);
  attach_group(bpf::HookGroup::socket_buffers);
  EXPECT_GT(*sent, 20'000U);
  EXPECT_EQ(held(slot, UBC_OTHERSOCKBUF), *sent);
  holder.kill();
  (void)holder.wait();
  EXPECT_EQ(settled(slot, UBC_OTHERSOCKBUF, 0), 0U);
}

TEST_F(Othersockbuf, UnixSendsStopAtTheBarrierWithEnobufsAndGoOnWhenTheReaderReads) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
    const std::uint32_t slot = fresh_slot();
    limit(slot, UBC_OTHERSOCKBUF, 40 * kKiB, 40 * kKiB);
    Shared<Outcome> first, second;
    Shared<std::array<std::uint64_t, 4>> seen;
    EXPECT_EQ(run_in(slot,
                     [&] {
                       Pair pairs[4];   // ten datagrams wait in a socket, no more: one alone does not fill it
                       for (Pair& pair : pairs) pair = unix_pair(type);
                       for (Pair& pair : pairs) {
                         *first = send_until_refused(pair.sender, 1000);
                         if (first->failed_with == ENOBUFS) break;
                       }
                       (*seen)[0] = held(slot, UBC_OTHERSOCKBUF);
                       for (const Pair& pair : pairs) (*seen)[1] += memory_of(pair.sender).other_sent;
                       for (const Pair& pair : pairs) (void)read_all(pair.receiver);
                       (*seen)[2] = held(slot, UBC_OTHERSOCKBUF);
                       *second = send_until_refused(pairs[0].sender, 1000, 3000);
                       return 0;
                     }),
              0);
    EXPECT_EQ(first->failed_with, ENOBUFS) << type;
    EXPECT_EQ((*seen)[0], (*seen)[1]) << type;
    EXPECT_GT((*seen)[0], 30 * kKiB) << type;
    EXPECT_EQ((*seen)[2], 0U) << type;
    EXPECT_EQ(second->failed_with, 0) << type;
    EXPECT_LE(maxheld(slot, UBC_OTHERSOCKBUF), 40 * kKiB) << type;
    EXPECT_GE(failcnt(slot, UBC_OTHERSOCKBUF), 1U) << type;
    EXPECT_EQ(settled(slot, UBC_OTHERSOCKBUF, 0), 0U) << type;
  }
}

TEST_F(Othersockbuf, AboveTheBarrierEachSocketTakesItsShareAndNoMore) {
  const std::uint32_t slot = fresh_slot(), other = fresh_slot();
  limit(slot, UBC_NUMOTHERSOCK, 8, 8);
  limit(slot, UBC_OTHERSOCKBUF, 40 * kKiB, 104 * kKiB);   // a share is 8 KiB
  Shared<std::array<std::uint64_t, 2>> seen;
  Shared<Outcome> elsewhere;
  EXPECT_EQ(run_in(slot,
                   [&] {
                     const Pair one = unix_pair(), two = unix_pair();
                     (void)send_until_refused(one.sender, 500);
                     (*seen)[0] = held(slot, UBC_OTHERSOCKBUF);
                     (void)send_until_refused(two.sender, 500);
                     (*seen)[1] = held(slot, UBC_OTHERSOCKBUF);
                     return 0;
                   }),
            0);
  EXPECT_EQ(run_in(other,
                   [&] {
                     *elsewhere = send_until_refused(unix_pair().sender, 500, 50 * kKiB);
                     return 0;
                   }),
            0);
  EXPECT_GT((*seen)[0], 40 * kKiB);
  EXPECT_LE((*seen)[0], 48 * kKiB);
  EXPECT_GT((*seen)[1], (*seen)[0]);   // the second socket found room that the first could not take
  EXPECT_LE((*seen)[1], 56 * kKiB);
  EXPECT_EQ(failcnt(slot, UBC_OTHERSOCKBUF), 2U);
  EXPECT_EQ(elsewhere->failed_with, 0);
  EXPECT_EQ(settled(slot, UBC_OTHERSOCKBUF, 0), 0U);
}

TEST_F(Othersockbuf, WhatWasSentIsTheSendersUntilTheReceiverReadsOrTheSocketIsGone) {
  const std::uint32_t slot = fresh_slot();
  const Pair outside = unix_pair();
  Process sender{joined(slot, [&] {
    const Pair pair = unix_pair();
    (void)send_until_refused(pair.sender, 1000, 10'000);
    char byte = 0, control[CMSG_SPACE(sizeof(int))] = {};   // its receiving end goes to another process
    iovec data{&byte, 1};
    msghdr message{.msg_name = nullptr,
                   .msg_namelen = 0,
                   .msg_iov = &data,
                   .msg_iovlen = 1,
                   .msg_control = control,
                   .msg_controllen = sizeof control,
                   .msg_flags = 0};
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &pair.receiver, sizeof(int));
    (void)::sendmsg(outside.sender, &message, 0);
    for (;;) (void)::pause();
    return 0;
  })};
  char byte = 0, control[CMSG_SPACE(sizeof(int))] = {};
  iovec data{&byte, 1};
  msghdr message{.msg_name = nullptr,
                 .msg_namelen = 0,
                 .msg_iov = &data,
                 .msg_iovlen = 1,
                 .msg_control = control,
                 .msg_controllen = sizeof control,
                 .msg_flags = 0};
  ASSERT_EQ(::recvmsg(outside.receiver, &message, 0), 1);
  int passed = -1;
  std::memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
  const std::uint64_t sent = held(slot, UBC_OTHERSOCKBUF);
  EXPECT_GT(sent, 10'000U);
  sender.kill();
  (void)sender.wait();
  (void)::usleep(200'000);
  EXPECT_EQ(held(slot, UBC_OTHERSOCKBUF), sent);   // its sender is dead, its reader is not
  EXPECT_EQ(read_all(passed), 10'000U);
  EXPECT_EQ(settled(slot, UBC_OTHERSOCKBUF, 0), 0U);
  (void)::close(passed);
}

/// Sends `count` datagrams of 500 bytes to the address, as the host.
void flood(const sockaddr_in& address, int count) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
  const std::array<char, 500> datagram{};
  for (int i = 0; i < count; ++i)
    (void)::sendto(fd, datagram.data(), datagram.size(), 0, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  (void)::close(fd);
}

TEST_F(Dgramrcvbuf, AFloodIsDroppedAtTheBarrierAndTheNextContainerHearsAll) {
  const std::uint32_t slot = fresh_slot(), other = fresh_slot();
  limit(slot, UBC_DGRAMRCVBUF, 64 * kKiB, 1024 * kKiB);
  struct Seen {
    std::atomic<int> step;
    sockaddr_in address;
    std::uint64_t held, kernel, datagrams, left, left_kernel;
  };
  Shared<Seen> here, there;
  const auto receiver = [&](std::uint32_t of, Seen& seen) {
    return joined(of, [&seen, of] {
      const int fd = bound_socket(SOCK_DGRAM, seen.address);
      seen.step = 1;
      while (seen.step != 2) (void)::usleep(1000);
      seen.held = held(of, UBC_DGRAMRCVBUF);
      seen.kernel = memory_of(fd).received;
      seen.datagrams = read_all(fd) / 500;
      seen.left = held(of, UBC_DGRAMRCVBUF);
      seen.left_kernel = memory_of(fd).received;
      return 0;
    });
  };
  Process one{receiver(slot, *here)}, two{receiver(other, *there)};
  ASSERT_TRUE(comes_true([&] { return here->step == 1 && there->step == 1; }));
  flood(here->address, 400);
  flood(there->address, 60);
  (void)::usleep(100'000);
  here->step = there->step = 2;
  EXPECT_EQ(one.wait(), 0);
  EXPECT_EQ(two.wait(), 0);
  EXPECT_EQ(here->held, here->kernel);
  EXPECT_GT(here->held, 48 * kKiB);
  EXPECT_LE(maxheld(slot, UBC_DGRAMRCVBUF), 64 * kKiB);
  EXPECT_GT(here->datagrams, 10U);
  EXPECT_EQ(failcnt(slot, UBC_DGRAMRCVBUF), 400U - here->datagrams);
  EXPECT_EQ(here->left, here->left_kernel);
  EXPECT_EQ(there->datagrams, 60U);
  EXPECT_EQ(failcnt(other, UBC_DGRAMRCVBUF), 0U);
  EXPECT_EQ(settled(slot, UBC_DGRAMRCVBUF, 0), 0U);
  EXPECT_EQ(settled(slot, UBC_OTHERSOCKBUF, 0), 0U);
}

}  // namespace
}  // namespace ubc::test

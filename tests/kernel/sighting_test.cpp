// SPDX-License-Identifier: Apache-2.0
// The walk that ubctl audit makes, on a real kernel: all that lives is found once, what nobody shows is not, what nobody is charged for is
// told.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <thread>
#include <vector>

#include "accounting/ledger_drift.h"
#include "bpf/adopted_cgroups.h"
#include "bpf/sightings.h"
#include "tests/support/adopted_cgroup.h"

namespace ubc::test {
namespace {

using accounting::Drift;
using accounting::Drifts;
using accounting::Walk;

Drifts audit(std::uint32_t slot) {
  const auto now = [slot] {
    Walk::Held books;
    for (const ubc_resource resource : accounting::kAudited) books[{slot, resource}] = held(slot, resource);
    return books;
  };
  const Walk::Held before = now();
  Walk walk;
  const auto read = bpf::read_sightings(bpf::kPinDirectory, [&](const ubc_sighting& seen) { walk.add(seen); });
  EXPECT_TRUE(read) << read.error().message;
  return walk.against(before, now());
}

bool send_file(int over, int file) {
  char byte = 'x', control[CMSG_SPACE(sizeof(int))] = {};
  iovec data{&byte, 1};
  msghdr message{};
  message.msg_iov = &data, message.msg_iovlen = 1, message.msg_control = control, message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS, header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &file, sizeof file);
  return ::sendmsg(over, &message, 0) == 1;
}

/// In the slot: three threads and a child, files shared and not, sockets of both kinds, a mapping without a descriptor; then idle.
int hold_some_of_each(Talk& talk, bool one_in_flight) {
  close_inherited();
  for (int i = 0; i < 5; ++i) (void)::open("/dev/null", O_RDONLY);
  (void)::dup(0);
  (void)::socket(AF_INET, SOCK_STREAM, 0);
  int ends[2];
  (void)::socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  if (one_in_flight) {
    const int sent = ::open("/dev/zero", O_RDONLY);
    if (!send_file(ends[0], sent)) return 1;
    (void)::close(sent);
  }
  if (::fork() == 0) {
    ++talk.ready;
    return ::pause();
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) threads.emplace_back([] { (void)::pause(); });
  (void)::usleep(200'000);
  ++talk.ready;
  return ::pause();
}

TEST(Audit, FindsAllThatIsHeldOnceAndNothingThatIsNot) {
  const std::uint32_t slot = fresh_slot();
  Shared<Talk> talk;
  Process workload{joined(slot, [&] { return hold_some_of_each(*talk, false); })};
  await(talk->ready, 2);
  const Drifts drifts = audit(slot);
  for (const auto& [where, drift] : drifts) {
    EXPECT_EQ(drift.drift, 0) << where.second << ": held " << drift.held << ", found " << drift.found;
    EXPECT_EQ(drift.missed, 0U) << where.second;
  }
  EXPECT_EQ(drifts.at({slot, UBC_NUMPROC}).found, 4U);
  EXPECT_EQ(drifts.at({slot, UBC_NUMTCPSOCK}).found, 1U);
  EXPECT_EQ(drifts.at({slot, UBC_NUMOTHERSOCK}).found, 2U);
  EXPECT_GE(drifts.at({slot, UBC_NUMFILE}).found, 8U);
  EXPECT_GT(drifts.at({slot, UBC_PRIVVMPAGES}).found, 100U);
}

TEST(Audit, AFileThatIsOnItsWayIsHeldAndNotFound) {
  const std::uint32_t slot = fresh_slot();
  Shared<Talk> talk;
  Process workload{joined(slot, [&] { return hold_some_of_each(*talk, true); })};
  await(talk->ready, 2);
  const Drift files = audit(slot).at({slot, UBC_NUMFILE});
  EXPECT_EQ(files.drift, 1);
  EXPECT_EQ(files.missed, 0U);
}

TEST(Audit, WhatLivesAndIsChargedToNobodyIsMissed) {
  const std::uint32_t slot = fresh_slot();
  Shared<Talk> talk;
  Process workload{joined(slot, [&] { return hold_some_of_each(*talk, false); })};
  await(talk->ready, 2);
  const auto forgotten = bpf::forget_slot(bpf::kPinDirectory, slot);
  ASSERT_TRUE(forgotten) << forgotten.error().message;
  const Drifts drifts = audit(slot);
  EXPECT_EQ(drifts.at({slot, UBC_NUMPROC}), (Drift{.held = 0, .found = 4, .missed = 4, .drift = -4}));
  EXPECT_EQ(drifts.at({slot, UBC_NUMTCPSOCK}), (Drift{.held = 0, .found = 1, .missed = 1, .drift = -1}));
  EXPECT_EQ(drifts.at({slot, UBC_NUMOTHERSOCK}), (Drift{.held = 0, .found = 2, .missed = 2, .drift = -2}));
  EXPECT_GE(drifts.at({slot, UBC_NUMFILE}).missed, 8U);
}

}  // namespace
}  // namespace ubc::test

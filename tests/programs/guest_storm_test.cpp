// SPDX-License-Identifier: Apache-2.0
// The exactness test in a real guest, all of it ubctl's: 200,000 mixed operations of 32 processes at their barriers on two CPUs.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <sstream>
#include <string>

#include "bpf/attached_hooks.h"
#include "bpf/ledger.h"
#include "tests/programs/census.h"
#include "tests/programs/guest.h"
#include "tests/support/sampler.h"
#include "tests/support/storm.h"

namespace ubc::test {
namespace {

constexpr const char* kGuestCgroup = "/sys/fs/cgroup/ubc/101/guest";
constexpr const char* kUpper = "/var/lib/ubc/private/101/upper";

/// However slow the machine: until it is there, or the guest is dead.
std::string awaited(const std::string& path) {
  const std::string processes = std::string{kGuestCgroup} + "/cgroup.procs";
  while (::access(path.c_str(), F_OK) != 0 && !text_of(processes).empty()) (void)::usleep(100'000);
  return text_of(path);
}

std::uint64_t held(const bpf::Ledger& ledger, std::uint32_t slot, ubc_resource resource, std::uint64_t want) {
  for (int tries = 0; tries < 1000 && ledger.read(slot, resource).held != want; ++tries) (void)::usleep(10'000);   // RCU
  return ledger.read(slot, resource).held;
}

class GuestStorm : public Guest {};

TEST_F(GuestStorm, TwoHundredThousandOperationsInsideNeverExceedABarrierEqualACensusAndLeaveNothing) {
  ASSERT_GE(::sysconf(_SC_NPROCESSORS_ONLN), 2);
  create("--init '/probe storm' --numproc 40 --numfile 500 --numtcpsock 60 --numothersock 60");
  put_probe();
  start();
  auto ledger = bpf::Ledger::open();
  ASSERT_TRUE(ledger) << ledger.error().message;
  const auto slot = static_cast<std::uint32_t>(std::stoul(text_of("/var/lib/ubc/private/101/slot")));
  (void)awaited(std::string{kUpper} + "/up");
  const Census before = take_census(kGuestCgroup);
  ASSERT_EQ(ubctl("set 101 --privvmpages " + std::to_string(before[UBC_PRIVVMPAGES] * (kStormWorkers + 5))).status, 0);
  // In no descriptor table: the running program, and the file behind the memory that its processes share.
  constexpr std::uint64_t kMapped = 2;
  ASSERT_EQ(held(*ledger, slot, UBC_NUMFILE, before[UBC_NUMFILE] + kMapped), before[UBC_NUMFILE] + kMapped);

  Sampler sampler{*ledger, slot};
  ASSERT_EQ(::kill(static_cast<pid_t>(std::stol(text_of(std::string{kGuestCgroup} + "/cgroup.procs"))), SIGUSR1), 0);
  std::istringstream figures{awaited(std::string{kUpper} + "/done")};
  long left = 1;
  int passed = 0, killed = 0;
  figures >> left >> passed >> killed;
  EXPECT_LE(left, 0);
  EXPECT_GT(passed, 1000);
  EXPECT_GT(killed, 100);

  (void)bpf::audit_if_needed(*ledger);
  Census idle = take_census(kGuestCgroup);
  idle[UBC_NUMFILE] += kMapped;
  EXPECT_EQ(idle[UBC_NUMPROC], kStormWorkers + 1U);
  EXPECT_GT(idle[UBC_NUMFILE], 100U) << "the workers hold what they had";
  for (const ubc_resource resource : kExact) EXPECT_EQ(held(*ledger, slot, resource, idle[resource]), idle[resource]) << resource;

  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  sampler.stop();
  for (const ubc_resource resource : kExact) {
    EXPECT_EQ(sampler.excess(resource), 0U) << resource;
    EXPECT_EQ(held(*ledger, slot, resource, 0), 0U) << resource;
    EXPECT_TRUE(resource == UBC_NUMFLOCK || ledger->read(slot, resource).maxheld > 0) << resource;   // this storm takes no locks
  }
  EXPECT_GT(sampler.samples(), 1000U);
  EXPECT_GT(ledger->read(slot, UBC_NUMFILE).failcnt, 0U);
  EXPECT_EQ(ledger->health().losses[UBC_LOSS_UNCHARGE_TOO_MUCH], 0U);
  std::printf("%ld samples, %d descriptors passed, %d children killed, %llu files idle\n", static_cast<long>(sampler.samples()), passed,
              killed, static_cast<unsigned long long>(idle[UBC_NUMFILE]));
}

}  // namespace
}  // namespace ubc::test

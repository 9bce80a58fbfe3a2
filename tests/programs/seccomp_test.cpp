// SPDX-License-Identifier: Apache-2.0
// The system call filter as a guest's programs meet it: the same calls with the same arguments inside and outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

struct Call {
  const char* abi;
  const char* number;
  const char* arguments;   ///< the first two; the rest are zero
  const char* what;
};

/// "x86_64 451" -> "ENOSYS"
using Answers = std::map<std::string, std::string>;

Answers answers_in(const std::string& output) {
  Answers answers;
  std::istringstream lines{output};
  for (std::string abi, number, answer; lines >> abi >> number >> answer;) answers[abi + " " + number] = answer;
  return answers;
}

std::string words(const std::vector<Call>& calls) {
  std::string all;
  for (const Call& call : calls) all += std::string{" "} + call.abi + " " + call.number + " " + call.arguments;
  return all;
}

class Filter : public Guest {
 protected:
  void SetUp() override {
    create();
    put_probe();
    start();
  }
  /// Every call gives `answer` inside; returns how many give another one outside, without the filter.
  static int expect_all(const std::vector<Call>& calls, const std::string& answer) {
    const Answers inside = answers_in(ubctl("exec2 101 /probe calls" + words(calls)).output);
    const Answers outside = answers_in(shell(PROBE " calls" + words(calls)).output);
    int other = 0;
    for (const Call& call : calls) {
      const std::string key = std::string{call.abi} + " " + call.number;
      EXPECT_EQ(inside.contains(key) ? inside.at(key) : "no answer", answer) << call.what;
      other += outside.contains(key) && outside.at(key) != answer ? 1 : 0;
    }
    return other;
  }
};

TEST_F(Filter, CallsNewerThanItIsAndThoseThatProgramsCopeWithoutAreEnosys) {
  const std::vector<Call> absent{{"x86_64", "248", "0 0", "add_key"},
                                 {"x86_64", "249", "0 0", "request_key"},
                                 {"x86_64", "250", "0 0", "keyctl"},
                                 {"x86_64", "425", "1 0", "io_uring_setup"},
                                 {"x86_64", "426", "-1 0", "io_uring_enter"},
                                 {"x86_64", "427", "-1 0", "io_uring_register"},
                                 {"i386", "288", "0 0", "keyctl"},
                                 {"i386", "425", "1 0", "io_uring_setup"},
                                 {"x32", "39", "0 0", "getpid of x32"}};
  EXPECT_GE(expect_all(absent, "ENOSYS"), 7);
  const std::vector<Call> newer{{"x86_64", "451", "-1 0", "cachestat"}, {"x86_64", "452", "-1 0", "fchmodat2"},
                                {"x86_64", "454", "0 0", "futex_wake"}, {"x86_64", "457", "0 0", "statmount"},
                                {"x86_64", "462", "1 0", "mseal"},      {"x86_64", "466", "-1 0", "removexattrat"},
                                {"x86_64", "1000", "0 0", "none yet"},  {"i386", "451", "-1 0", "cachestat"},
                                {"i386", "452", "-1 0", "fchmodat2"},   {"x86_64", "4294967295", "0 0", "none"}};
  const int known_outside = expect_all(newer, "ENOSYS");
  EXPECT_GE(known_outside, text_of("/proc/sys/kernel/osrelease").starts_with("6.1.") ? 0 : 7) << "newer kernels do have them";
}

TEST_F(Filter, CallsThatActOnTheHostAreEperm) {
  const std::vector<Call> refused{{"x86_64", "175", "0 0", "init_module"},
                                  {"x86_64", "313", "-1 0", "finit_module"},
                                  {"x86_64", "176", "0 0", "delete_module"},
                                  {"x86_64", "246", "0 0", "kexec_load"},
                                  {"x86_64", "304", "-1 0", "open_by_handle_at"},
                                  {"x86_64", "167", "0 0", "swapon"},
                                  {"x86_64", "168", "0 0", "swapoff"},
                                  {"x86_64", "179", "0xffffff 0", "quotactl"},
                                  {"x86_64", "443", "-1 0", "quotactl_fd"},
                                  {"x86_64", "321", "9999 0", "bpf"},
                                  {"x86_64", "298", "0 0", "perf_event_open"},
                                  {"x86_64", "172", "7 0", "iopl"},
                                  {"x86_64", "173", "0 0", "ioperm"},
                                  {"x86_64", "323", "0 0", "userfaultfd that stops the kernel too"},
                                  {"x86_64", "180", "0 0", "nfsservctl"},
                                  {"x86_64", "16", "0 0x5412", "ioctl TIOCSTI"},
                                  {"x86_64", "16", "0 0x10000541C", "ioctl TIOCLINUX, and bits that the kernel does not look at"},
                                  {"i386", "357", "9999 0", "bpf"},
                                  {"i386", "101", "0 0", "ioperm"},
                                  {"i386", "336", "0 0", "perf_event_open"}};
  EXPECT_GE(expect_all(refused, "EPERM"), 12);
  const std::vector<Call> families{{"x86_64", "41", "38 5", "socket AF_ALG"}, {"x86_64", "41", "40 1", "socket AF_VSOCK"}};
  EXPECT_GE(expect_all(families, "EAFNOSUPPORT"), 1);
}

TEST_F(Filter, OrdinaryCallsPass) {
  const std::vector<Call> ordinary{{"x86_64", "39", "0 0", "getpid"},
                                   {"i386", "20", "0 0", "getpid"},
                                   {"x86_64", "41", "1 1", "socket AF_UNIX"},
                                   {"x86_64", "272", "0x10000000 0", "unshare CLONE_NEWUSER"},
                                   {"x86_64", "323", "1 0", "userfaultfd of user mode only"},
                                   {"x86_64", "434", "1 0", "pidfd_open"}};
  (void)expect_all(ordinary, "ok");
}

}  // namespace
}  // namespace ubc::test

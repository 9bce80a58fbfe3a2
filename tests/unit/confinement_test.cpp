// SPDX-License-Identifier: Apache-2.0
// What ubcd leaves itself, tried in a child that has nothing to lose.
#include "exporter/confinement.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace ubc::exporter {
namespace {

/// The wait status of a child that ends with what `body` returns.
int status_of(int (*body)()) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = -1;
  (void)::waitpid(child, &status, 0);
  return status;
}

TEST(Confinement, AnAllowedCallGoesThroughAndAnyOtherEndsTheProcess) {
  EXPECT_EQ(status_of([] { return confine_calls() && ::getpid() > 0 && ::access("/", R_OK) == 0 ? 7 : 1; }), 7 << 8);
  for (const auto body : {+[] { return confine_calls() ? static_cast<int>(::mkdir("/proc/nothing", 0700)) : 1; },
                          +[] { return confine_calls() ? ::execl("/bin/true", "true", nullptr) : 1; },
                          +[] { return confine_calls() ? static_cast<int>(::syscall(SYS_ptrace, 0, 0, 0, 0)) : 1; }}) {
    const int status = status_of(body);
    EXPECT_TRUE(WIFSIGNALED(status)) << status;
    EXPECT_EQ(WTERMSIG(status), SIGSYS);
  }
}

TEST(Confinement, OnlyTheKeptCapabilityStaysIfItWasThere) {
  EXPECT_EQ(status_of([] {
              const bool had = cap_get_bound(CAP_SYS_ADMIN) == 1 && ::geteuid() == 0;
              if (!drop_capabilities()) return 1;
              const cap_t now = cap_get_proc();
              for (cap_value_t capability = 0; CAP_IS_SUPPORTED(capability); ++capability) {
                cap_flag_value_t effective = CAP_CLEAR, permitted = CAP_CLEAR;
                (void)cap_get_flag(now, capability, CAP_EFFECTIVE, &effective);
                (void)cap_get_flag(now, capability, CAP_PERMITTED, &permitted);
                const cap_flag_value_t wanted = capability == CAP_SYS_ADMIN && had ? CAP_SET : CAP_CLEAR;
                if (effective != wanted || permitted != wanted) return 2;
                if (had && capability != CAP_SYS_ADMIN && cap_get_bound(capability) == 1) return 3;
              }
              return 7;
            }),
            7 << 8);
}

}  // namespace
}  // namespace ubc::exporter

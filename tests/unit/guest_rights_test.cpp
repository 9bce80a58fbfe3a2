// SPDX-License-Identifier: Apache-2.0
// features and capability: what can be honoured is kept, what cannot is one sentence.
#include <gtest/gtest.h>
#include <linux/capability.h>

#include <string>
#include <vector>

#include "container/guest_rights.h"

namespace ubc::test {
namespace {

using container::parse_capabilities;
using container::parse_features;
using container::Switches;

template <typename T>
std::string complaint(const Result<T>& result) {
  return result ? "none" : result.error().message;
}

TEST(Features, NamesAreVzctlsInAnyCaseAndTheLastWordOnOneCounts) {
  EXPECT_EQ(parse_features("fuse:on,TUN:off,fuse:off,sit:on").value_or(Switches{}),
            (Switches{{"fuse", false}, {"sit", true}, {"tun", false}}));
  EXPECT_EQ(complaint(parse_features("fuse")), "Bad parameter for --features: fuse: say NAME:on or NAME:off");
  EXPECT_EQ(complaint(parse_features("fuse:yes")), "Bad parameter for --features: fuse:yes: say NAME:on or NAME:off");
  EXPECT_EQ(complaint(parse_features("kvm:on")),
            "Bad parameter for --features: kvm: known are sysfs, nfs, nfsd, fuse, tun, ppp, sit, ipip, ipgre and bridge");
}

TEST(Features, WhatNoHostCouldHonourIsRefusedOnlyInThatDirection) {
  EXPECT_EQ(
      complaint(parse_features("nfs:on")),
      "Bad parameter for --features: nfs:on: the kernel lets no guest mount nfs: mount it on the host, and give the guest the directory by "
      "--bindmount_add");
  EXPECT_EQ(complaint(parse_features("nfs:off")), "none");
  EXPECT_EQ(complaint(parse_features("sysfs:off")),
            "Bad parameter for --features: sysfs:off: every guest has /sys, read-only, and its init needs it");
  EXPECT_EQ(complaint(parse_features("sysfs:on")), "none");
}

TEST(Capabilities, OneThatActsOnTheHostIsNeverOnAndAnyOtherMayBeOff) {
  EXPECT_EQ(parse_capabilities("net_raw:off,CAP_MKNOD:on").value_or(Switches{}), (Switches{{"MKNOD", true}, {"NET_RAW", false}}));
  for (const char* name : {"sys_module", "SYS_RAWIO", "sys_time", "bpf", "perfmon", "syslog", "mac_admin", "audit_write"}) {
    EXPECT_EQ(complaint(parse_capabilities(std::string{name} + ":on")),
              std::string{"Bad parameter for --capability: "} + name +
                  ":on: it acts on the whole host, or on nothing that a guest has: no guest gets it");
    EXPECT_EQ(complaint(parse_capabilities(std::string{name} + ":off")), "none");
  }
  EXPECT_EQ(complaint(parse_capabilities("ve_admin:on")),
            "Bad parameter for --capability: ve_admin: it is a name of capabilities(7), as net_admin");
  EXPECT_EQ(complaint(parse_capabilities(":on")), "Bad parameter for --capability: : it is a name of capabilities(7), as net_admin");
}

TEST(Capabilities, ThoseThatAreOffAreDeniedWhateverElseTheConfigurationSays) {
  EXPECT_EQ(container::denied_capabilities("VE_ADMIN:on NET_RAW:off garbage MKNOD:on sys_ptrace:off"),
            (std::vector<int>{CAP_NET_RAW, CAP_SYS_PTRACE}));
  EXPECT_EQ(container::complaints_of("nfs:on fuse:on", "VE_ADMIN:on NET_RAW:off").size(), 2U);
}

TEST(Capabilities, AChangeReplacesTheNameAndLeavesWhatItDoesNotKnow) {
  EXPECT_EQ(container::changed("VE_ADMIN:on net_raw:on MKNOD:off", {{"NET_RAW", false}}), "VE_ADMIN:on MKNOD:off NET_RAW:off");
  EXPECT_EQ(container::changed("", {{"fuse", true}, {"tun", false}}), "fuse:on tun:off");
}

}  // namespace
}  // namespace ubc::test

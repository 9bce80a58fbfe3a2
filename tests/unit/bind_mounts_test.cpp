// SPDX-License-Identifier: Apache-2.0
#include "container/bind_mounts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "container/device_nodes.h"

namespace ubc::container {
namespace {

TEST(BindMounts, AreReadAndWrittenAsTheConfigurationHasThem) {
  const std::string text = "/srv/a:/mnt/a,ro /b:/b,noexec /c:/d,ro,noexec /e:/f";
  const auto mounts = parse_bind_mounts(text);
  ASSERT_TRUE(mounts) << mounts.error().message;
  ASSERT_EQ(mounts->size(), 4U);
  EXPECT_EQ((*mounts)[0].source, "/srv/a");
  EXPECT_EQ((*mounts)[0].target, "/mnt/a");
  EXPECT_TRUE((*mounts)[0].read_only);
  EXPECT_FALSE((*mounts)[0].no_exec);
  EXPECT_EQ(text_of(*mounts), text);
  EXPECT_TRUE(parse_bind_mounts("")->empty());
}

TEST(BindMounts, WhatCouldLandElsewhereIsRefused) {
  for (const char* bad : {"", "/a", "a:/b", "/a:b", "/a:/", "/:/a", "/a/../b:/c", "/a:/b/..", "/a:/./b", "/a:/b/", "/a:/b//c", "/a:/b:ro",
                          "/a:/b,rw", "/a:/proc", "/a:/sys/fs", "/a:/dev/shm", "/a b:/c"})
    EXPECT_FALSE(parse_bind_mount(bad)) << bad;
  EXPECT_TRUE(parse_bind_mount("/proc:/procs"));
  EXPECT_TRUE(parse_bind_mount("/a:/b,nosuid,nodev"));
}

TEST(BindMounts, ATargetIsThereOnceAndGoesByItsName) {
  const BindMounts now = *parse_bind_mounts("/a:/x /b:/y");
  EXPECT_EQ(text_of(changed(now, {{*parse_bind_mount("/c:/x,ro")}, {}, false})), "/b:/y /c:/x,ro");
  EXPECT_EQ(text_of(changed(now, {{}, {"/x"}, false})), "/b:/y");
  EXPECT_EQ(text_of(changed(now, {{*parse_bind_mount("/c:/z")}, {}, true})), "/c:/z");
}

TEST(DeviceNodes, AreNamedBelowDevAndTheLastWordOnOneCounts) {
  const auto wish = [](const char* text) { return parse_device_wish(text).value(); };
  EXPECT_EQ(change_device_nodes("fuse:r", {wish("net/tun:rw"), wish("/dev/fuse:rwq")}).value(), "net/tun:rw fuse:rw");
  EXPECT_EQ(change_device_nodes("fuse:rw net/tun:rw", {wish("fuse:none")}).value(), "net/tun:rw");
  for (const char* bad :
       {"", "fuse", "fuse:", "fuse:x", ":rw", "../mem:rw", "/etc/passwd:r", "a b:rw", "net/:rw", "net//tun:rw", "net/./tun:rw"})
    EXPECT_FALSE(parse_device_wish(bad)) << bad;
  const auto devices = devices_in("null:rw full:r");
  ASSERT_TRUE(devices) << devices.error().message;
  EXPECT_EQ((*devices)[0].mode, S_IFCHR | 0666U);
  EXPECT_EQ((*devices)[0].number, makedev(1, 3));
  EXPECT_EQ((*devices)[1].mode, S_IFCHR | 0444U);
  EXPECT_EQ(devices_in("ubc-none:rw").error().code, Code::not_found);
  EXPECT_EQ(devices_in("fd:rw").error().code, Code::bad_value);
}

}  // namespace
}  // namespace ubc::container

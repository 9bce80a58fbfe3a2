// SPDX-License-Identifier: Apache-2.0
#include "container/bind_mounts.h"

#include <gtest/gtest.h>

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
  for (const char* bad : {"", "/a", "a:/b", "/a:b", "/a:/", "/:/a", "/a/../b:/c", "/a:/b/..", "/a:/./b", "/a:/b/", "/a:/b//c", "/a:/b:ro", "/a:/b,rw",
                          "/a:/proc", "/a:/sys/fs", "/a:/dev/shm", "/a b:/c"})
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

}  // namespace
}  // namespace ubc::container

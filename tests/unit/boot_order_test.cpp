// SPDX-License-Identifier: Apache-2.0
#include "container/boot_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace ubc::container {
namespace {

using testing::ElementsAre;

TEST(BootOrder, TheHigherOrderIsEarlierAndOneThatSaysNoneIsLast) {
  EXPECT_THAT(in_boot_order({{101, {}}, {102, 5}, {103, 0}, {104, 70}, {100, 5}, {99, {}}}), ElementsAre(104, 100, 102, 103, 99, 101));
  EXPECT_TRUE(in_boot_order({}).empty());
}

TEST(BootOrder, OnlyWhoSaysYesIsStartedAndABrokenNumberIsTold) {
  Host host;
  host.paths.etc = testing::TempDir() + "boot-" + std::to_string(::getpid());
  host.paths.lib = host.paths.run = host.paths.etc + "/none";
  std::filesystem::create_directories(host.paths.conf());
  const auto configure = [&](std::uint32_t id, const std::string& text) { std::ofstream{host.paths.config_of(id)} << text; };
  configure(101, "ONBOOT=\"yes\"\nBOOTORDER=\"7\"\n");
  configure(102, "ONBOOT=\"no\"\n");
  configure(103, "NAME=\"x\"\n");
  configure(104, "ONBOOT=\"yes\"\n");
  configure(105, "ONBOOT=\"yes\"\nBOOTORDER=\"first\"\n");
  std::vector<std::string> notes;
  EXPECT_THAT(in_boot_order(boot_wishes(host, notes)), ElementsAre(101, 104));
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_TRUE(notes[0].starts_with("whether container 105 starts at boot: BOOTORDER: ")) << notes[0];
  std::filesystem::remove_all(host.paths.etc);
}

}  // namespace
}  // namespace ubc::container

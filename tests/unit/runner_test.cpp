// SPDX-License-Identifier: Apache-2.0
// Who runs ubctl for ubcd, with a script in ubctl's place.
#include "exporter/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace ubc::exporter {
namespace {

using testing::ElementsAre;

TEST(Runner, RunsNothingButTheFourVerbsWithWhatTheyTake) {
  EXPECT_THAT(*arguments_of({"set", 101, {"--numproc", "10:unlimited", "--save"}}),
              ElementsAre("set", "101", "--numproc", "10:unlimited", "--save"));
  EXPECT_THAT(*arguments_of({"start", 7, {}}), ElementsAre("start", "7"));
  EXPECT_THAT(*arguments_of({"stop", 7, {"--fast"}}), ElementsAre("stop", "7", "--fast"));
  EXPECT_EQ(arguments_of({"exec", 101, {}}).error().message, "ubcd runs no ubctl exec ");
  EXPECT_EQ(arguments_of({"destroy", 101, {}}).error().code, Code::denied);
  EXPECT_FALSE(arguments_of({"start", 101, {"--force"}}));
  EXPECT_FALSE(arguments_of({"start", 101, {"--fast"}}));
  EXPECT_FALSE(arguments_of({"set", 101, {"--name", "x"}}));
  EXPECT_FALSE(arguments_of({"set", 101, {"--numproc"}}));
  EXPECT_FALSE(arguments_of({"set", 101, {"--numproc", "--save"}}));
  EXPECT_FALSE(arguments_of({"set", 101, {"--numproc", "$(reboot)"}}));
}

class WithScript : public testing::Test {
 protected:
  const std::string path_ = testing::TempDir() + "ubctl";
  void script(const std::string& text) {
    std::ofstream{path_} << "#!/bin/sh\n" << text;
    ASSERT_EQ(::chmod(path_.c_str(), 0755), 0);
  }
  void TearDown() override { std::filesystem::remove(path_); }
  /// Waits for a result.
  static bool heard(Runner& runner) {
    pollfd readable{runner.descriptor(), POLLIN, 0};
    EXPECT_EQ(::poll(&readable, 1, 30'000), 1) << "no result came";
    return runner.take_results();
  }
};

TEST_F(WithScript, WhatItSaysAndHowItEndsComesBack) {
  script("echo \"$@ in $UBC_ETC\"; echo 'it \"hurts\"' >&2; exit 9\n");
  container::HostPaths paths;
  paths.etc = "/made/up";
  auto runner = Runner::start(path_, paths);
  ASSERT_TRUE(runner);
  std::vector<ActionResult> results;
  runner->run({"set", 101, {"--numproc", "1:2"}}, [&](const ActionResult& result) { results.push_back(result); });
  EXPECT_TRUE(heard(*runner));
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].status, 9);
  EXPECT_EQ(results[0].output, "set 101 --numproc 1:2 in /made/up\n");
  EXPECT_EQ(results[0].complaints, "it \"hurts\"\n");
}

TEST_F(WithScript, AQuickCommandDoesNotWaitForASlowOneAndTheNinthAtOnceIsRefused) {
  const std::string gate = testing::TempDir() + "gate";
  std::filesystem::remove(gate);
  script("[ $1 = start ] || while [ ! -e " + gate + " ]; do sleep 0.05; done\n");
  auto runner = Runner::start(path_, {});
  ASSERT_TRUE(runner);
  std::vector<std::string> ended;
  const auto ask = [&](const std::string& verb) {
    runner->run({verb, 101, {}}, [&ended, verb](const ActionResult& result) { ended.push_back(verb + std::to_string(result.status)); });
  };
  for (int i = 0; i < 7; ++i) ask("stop");
  ask("start");
  ask("restart");
  EXPECT_THAT(ended, ElementsAre("restart9"));
  EXPECT_TRUE(heard(*runner));
  EXPECT_THAT(ended, ElementsAre("restart9", "start0"));
  std::ofstream{gate} << "open";
  while (ended.size() < 9) ASSERT_TRUE(heard(*runner));
  std::filesystem::remove(gate);
}

TEST_F(WithScript, MoreOutputThanAnybodyReadsIsCutAndTheRestIsStillDone) {
  script("head -c 1000000 /dev/zero | tr '\\0' '\"'; echo done >&2\n");
  auto runner = Runner::start(path_, {});
  ASSERT_TRUE(runner);
  ActionResult seen;
  runner->run({"stop", 1, {}}, [&](const ActionResult& result) { seen = result; });
  EXPECT_TRUE(heard(*runner));
  EXPECT_EQ(seen.output.size(), 16'384U);
  EXPECT_EQ(seen.complaints, "done\n");
  EXPECT_EQ(seen.status, 0);
}

TEST_F(WithScript, WhatUbcdIgnoresAGuestDoesNotInherit) {
  script("grep SigIgn /proc/self/status\n");
  auto runner = Runner::start(path_, {});
  ASSERT_TRUE(runner);
  ActionResult seen;
  runner->run({"start", 1, {}}, [&](const ActionResult& result) { seen = result; });
  EXPECT_TRUE(heard(*runner));
  EXPECT_EQ(seen.output, "SigIgn:\t0000000000000000\n");
}

TEST_F(WithScript, WithoutUbctlItSaysSo) {
  auto runner = Runner::start(path_, {});
  ASSERT_TRUE(runner);
  ActionResult seen;
  runner->run({"start", 1, {}}, [&](const ActionResult& result) { seen = result; });
  EXPECT_TRUE(heard(*runner));
  EXPECT_EQ(seen.status, 127);
  EXPECT_EQ(seen.complaints, "run " + path_ + ": No such file or directory: ubcd --admin needs ubctl beside it\n");
}

}  // namespace
}  // namespace ubc::exporter

// SPDX-License-Identifier: Apache-2.0
#include "exporter/settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace ubc::exporter {
namespace {

/// A configuration file with this text, gone with the object.
class ConfigText {
 public:
  explicit ConfigText(const std::string& text) { std::ofstream{path_} << text; }
  ConfigText(const ConfigText&) = delete;
  ConfigText& operator=(const ConfigText&) = delete;
  ~ConfigText() { std::remove(path_.c_str()); }
  [[nodiscard]] std::string option() const { return "--config=" + path_; }

 private:
  std::string path_ = testing::TempDir() + "ubcd-" + std::to_string(::getpid()) + ".conf";
};

Result<std::optional<Settings>> parse(std::vector<std::string> arguments) {
  std::vector<const char*> argv{"ubcd"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  return parse_settings(static_cast<int>(argv.size()), argv.data());
}

TEST(Settings, AnArgumentOutdoesTheFileAndTheFileTheDefault) {
  const ConfigText file{"# ours\nlisten=10.0.0.5:1\nrun-dir=/r\ncollector.hooks=false\n"};
  const auto settings = parse({file.option(), "--listen", "10.0.0.5:2", "--no-collector.process"});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ((*settings)->listen, "10.0.0.5:2");
  EXPECT_EQ((*settings)->paths.run, "/r");
  EXPECT_EQ((*settings)->paths.lib, "/var/lib/ubc");
  EXPECT_FALSE((*settings)->collectors.has(Collector::hooks));
  EXPECT_FALSE((*settings)->collectors.has(Collector::process));
  EXPECT_TRUE((*settings)->collectors.has(Collector::beancounters));
  EXPECT_FALSE((*settings)->collectors.has(Collector::cadvisor)) << "only who asks for it has it";
  EXPECT_TRUE((*parse({file.option(), "--collector.cadvisor"}))->collectors.has(Collector::cadvisor));
}

TEST(Settings, WhatTheFileSaysAndNobodyKnowsIsRefusedByItsName) {
  const ConfigText file{"lisen=10.0.0.5:1\n"};
  const auto settings = parse({file.option()});
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().code, Code::bad_value);
  EXPECT_NE(settings.error().message.find("lisen"), std::string::npos) << settings.error().message;
  EXPECT_FALSE(parse({"--no-collector.nothing"}));
  EXPECT_FALSE(parse({"--config=/nowhere/ubcd.conf"})) << "a file that was named must be there";
}

TEST(Settings, AFlagThatIsNeitherTrueNorFalseIsRefused) {
  for (const char* text : {"collector.hooks=false 0P   .~5\n", "collector.hooks=maybe\n", "no-seccomp=\"x\"\n"}) {
    const ConfigText file{text};
    EXPECT_FALSE(parse({file.option()})) << text;
  }
}

TEST(Settings, AFleetIsOfTargetsWithoutSchemeAndPath) {
  const ConfigText file{"fleet=[\"10.0.0.5:9641\",\"[::1]:9641\"]\n"};
  const auto settings = parse({file.option()});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ((*settings)->fleet, (std::vector<std::string>{"10.0.0.5:9641", "[::1]:9641"}));
  for (const char* wrong : {"10.0.0.5", "http://example.com:9641", "10.0.0.5:9641/metrics", ":9641", "h:70000", "h:"})
    EXPECT_FALSE(parse({"--fleet", wrong})) << wrong;
}

}  // namespace
}  // namespace ubc::exporter

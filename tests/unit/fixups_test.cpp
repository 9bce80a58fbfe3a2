// SPDX-License-Identifier: Apache-2.0
// What a distribution needs, as data: which file is for which tree, what it does there, and that a hostile tree leads it nowhere.
#include "isolate/fixups.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "os/text_file.h"

namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using ubc::isolate::apply_fixups;
using ubc::isolate::Fixup;
using ubc::isolate::fixups_for;
using ubc::isolate::parse_fixup;
using ubc::isolate::signal_from;

class Fixups : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = "/tmp/ubc-fixups-test.XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    base_ = path;
    for (const char* directory : {"/root/etc/systemd/system", "/conf"}) fs::create_directories(base_ + directory);
    write("secret", "untouched");
  }
  void TearDown() override {
    EXPECT_EQ(text("secret"), "untouched");
    fs::remove_all(base_);
  }
  void write(const std::string& path, std::string_view text) const { std::ofstream{base_ + "/" + path} << text; }
  std::string text(const std::string& path) const { return ubc::os::read_text(base_ + "/" + path).value_or("?"); }
  /// Names of those for the tree, built-in ones too.
  std::vector<std::string> chosen() const {
    std::vector<std::string> names;
    const auto found = fixups_for(base_ + "/root", base_ + "/conf");
    EXPECT_TRUE(found) << found.error().message;
    for (const Fixup& fixup : found.value_or(std::vector<Fixup>{})) names.push_back(fixup.name);
    return names;
  }
  ubc::isolate::FixupOutcome apply(std::string_view text) const {
    const auto fixup = parse_fixup("x", text);
    EXPECT_TRUE(fixup) << fixup.error().message;
    const auto outcome = apply_fixups(base_ + "/root", {*fixup});
    EXPECT_TRUE(outcome) << outcome.error().message;
    return *outcome;
  }

  std::string base_;
};

TEST_F(Fixups, AreChosenByWhatTheTreeSaysItIsAndHas) {
  EXPECT_THAT(chosen(), ElementsAre("machine-id")) << "a tree that says nothing";
  write("root/etc/os-release", "NAME=x\nID=debian\n");
  EXPECT_THAT(chosen(), ElementsAre("machine-id"));
  fs::create_directories(base_ + "/root/sbin");
  write("root/etc/inittab", "");
  EXPECT_THAT(chosen(), ElementsAre("machine-id"));
  write("root/sbin/telinit", "");
  EXPECT_THAT(chosen(), ElementsAre("debian-sysvinit", "machine-id"));
  write("root/etc/os-release", "ID=other\nID_LIKE=\"devuan debian\"\n");
  EXPECT_THAT(chosen(), ElementsAre("debian-sysvinit", "machine-id"));
  write("root/etc/os-release", "ID=alpine\n");
  EXPECT_THAT(chosen(), ElementsAre("alpine", "machine-id"));
}

TEST_F(Fixups, OfTheAdminGoBeforeBuiltInOnesAndABrokenOneIsRefused) {
  write("root/etc/os-release", "ID=alpine\n");
  write("conf/alpine.conf", "IDS=\"nothing\"\n");
  write("conf/mine.conf", "# any\nSTOP=\"SIGPWR\"\n");
  write("conf/notes.txt", "not one");
  EXPECT_THAT(chosen(), ElementsAre("machine-id", "mine"));
  write("conf/mine.conf", "STOP=\"later\"\n");
  EXPECT_EQ(fixups_for(base_ + "/root", base_ + "/conf").error().message,
            "fix-up mine, STOP: \"later\" is neither a signal, as in SIGPWR or SIGRTMIN+3, nor an absolute command");
}

TEST_F(Fixups, DoWhatTheySayInTheTree) {
  write("root/etc/inittab", "1:getty tty1\n#2:getty\nkeep\n3:getty");
  write("root/etc/seed", "x");
  write("root/etc/gone", "x");
  const auto outcome = apply(
      "INIT=\"/init now\"\nSTOP=\"/bin/end\"\nEMPTY_FILES=\"/etc/seed /etc/none\"\nREMOVE_FILES=\"/etc/gone /etc/none\"\n"
      "MASK_UNITS=\"a.service b.mount\"\nCOMMENT_LINES=\"/etc/inittab:getty\"\n"
      "UNIT_CONDITIONS=\"c.service:ConditionPathIsMountPoint=/dev/console\"\n");
  EXPECT_EQ(outcome.init, "/init now");
  EXPECT_EQ(outcome.stop, "/bin/end");
  EXPECT_EQ(outcome.names, "x");
  EXPECT_EQ(text("root/etc/inittab"), "#1:getty tty1\n#2:getty\nkeep\n#3:getty");
  EXPECT_EQ(text("root/etc/seed"), "");
  EXPECT_FALSE(fs::exists(base_ + "/root/etc/gone") || fs::exists(base_ + "/root/etc/none"));
  EXPECT_EQ(fs::read_symlink(base_ + "/root/etc/systemd/system/b.mount"), "/dev/null");
  EXPECT_EQ(text("root/etc/systemd/system/c.service.d/ubc.conf"), "[Unit]\nConditionPathIsMountPoint=/dev/console\n");
}

TEST_F(Fixups, AHostileTreeLeadsThemNowhere) {
  fs::create_symlink("../../secret", base_ + "/root/etc/file");
  fs::create_symlink(base_, base_ + "/root/out");
  fs::create_symlink("../../..", base_ + "/root/up");
  ASSERT_EQ(::mkfifo((base_ + "/root/etc/pipe").c_str(), 0644), 0);
  fs::create_directories(base_ + "/root/etc/folder");
  (void)apply(
      "EMPTY_FILES=\"/etc/file /out/secret /up/secret /etc/pipe /etc/folder\"\nREMOVE_FILES=\"/out/secret /up/secret /etc/folder\"\n"
      "COMMENT_LINES=\"/etc/file:untouched /out/secret:untouched /etc/pipe:x\"\n");
  EXPECT_TRUE(fs::exists(base_ + "/root/etc/folder"));
  fs::remove_all(base_ + "/root/etc/systemd/system");
  fs::create_directory_symlink(base_, base_ + "/root/etc/systemd/system");
  (void)apply("UNIT_CONDITIONS=\"c.service:ConditionX=1\"\n");
  EXPECT_FALSE(fs::exists(base_ + "/c.service.d"));
  fs::remove_all(base_ + "/root/etc/systemd");
  fs::create_symlink("../../secret", base_ + "/root/etc/os-release");
  EXPECT_THAT(chosen(), ElementsAre("machine-id"));
}

TEST_F(Fixups, OfBadFormAreRefusedWithTheKey) {
  EXPECT_EQ(parse_fixup("x", "EMPTY_FILES=\"etc/passwd\"").error().message,
            "fix-up x, EMPTY_FILES: \"etc/passwd\" is no absolute path of a file");
  for (const std::string bad :
       {"HAS=\"/a/../b\"", "REMOVE_FILES=\"/a/..\"", "MASK_UNITS=\"../x\"", "COMMENT_LINES=\"/etc/x\"",
        "UNIT_CONDITIONS=\"a.service:ExecStart=/x\"", "UNIT_CONDITIONS=\"../a:Condition=x\"", "WHAT=\"1\"", "free text"})
    EXPECT_FALSE(parse_fixup("x", bad)) << bad;
}

TEST_F(Fixups, SignalsAreKnownByName) {
  EXPECT_EQ(signal_from("SIGPWR"), SIGPWR);
  EXPECT_EQ(signal_from("SIGRTMIN+3"), SIGRTMIN + 3);
  for (const char* none : {"PWR", "SIGNONE", "SIGRTMIN+99", "SIGRTMIN+", "", "37", "/sbin/init"}) EXPECT_EQ(signal_from(none), 0) << none;
}

}  // namespace

// SPDX-License-Identifier: Apache-2.0
// Where templates are built: what a killed build left is swept, what a living one works on is not.
#include "isolate/build_area.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "isolate/template_build.h"
#include "os/directory.h"
#include "os/process.h"

namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using ubc::isolate::BuildArea;
namespace fs = std::filesystem;

class BuildAreas : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = "/tmp/ubc-build-area-test.XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    base_ = path;
    fs::create_directories(base_ + "/work");
    fs::create_directories(base_ + "/out");
  }
  void TearDown() override { fs::remove_all(base_); }

  [[nodiscard]] std::string work() const { return base_ + "/work"; }
  [[nodiscard]] std::string output() const { return base_ + "/out/x.tar.gz"; }
  /// Scratch directories and files beside the output.
  [[nodiscard]] std::vector<std::string> left() const {
    std::vector<std::string> names = ubc::os::names_in(base_ + "/out").value();
    const auto scratch = ubc::os::names_in(work(), ubc::os::Entries::directories);
    names.insert(names.end(), scratch.value().begin(), scratch.value().end());
    return names;
  }
  /// A process that builds, has written half an archive, and waits to be killed.
  [[nodiscard]] pid_t builder() const {
    ubc::os::Pipe ready = ubc::os::Pipe::make().value();
    const pid_t pid = ::fork();
    if (pid == 0) {
      const auto area = BuildArea::make(work(), output());
      if (area) {
        std::ofstream{area->part()} << "half";
        fs::create_directories(area->scratch() + "/rootfs/bin");
      }
      (void)!::write(ready.write_end.get(), area ? "y" : "n", 1);
      while (true) (void)::pause();
    }
    char byte = 0;
    EXPECT_EQ(::read(ready.read_end.get(), &byte, 1), 1);
    EXPECT_EQ(byte, 'y');
    return pid;
  }
  static void end(pid_t pid) {
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
  }

  std::string base_;
};

TEST_F(BuildAreas, LeaveNothingWhenTheyEnd) {
  {
    const auto area = BuildArea::make(work(), output());
    ASSERT_TRUE(area) << area.error().message;
    EXPECT_TRUE(fs::is_directory(area->scratch()));
    EXPECT_TRUE(area->part().starts_with(output())) << area->part();
    std::ofstream{area->part()} << "half";
    ubc::isolate::sweep_builds(work());
    EXPECT_TRUE(fs::exists(area->part()) && fs::exists(area->scratch())) << "our own, and we live";
  }
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(BuildAreas, OfAKilledBuildAreSweptAndOfALivingOneAreNot) {
  const pid_t killed = builder(), living = builder();
  EXPECT_EQ(left().size(), 4U);
  end(killed);
  ubc::isolate::sweep_builds(work());
  EXPECT_EQ(left().size(), 2U);
  ubc::isolate::sweep_builds(work());
  EXPECT_EQ(left().size(), 2U);
  end(living);
  ubc::isolate::sweep_builds(work());
  EXPECT_THAT(left(), IsEmpty());
  ubc::isolate::sweep_builds(base_ + "/nowhere");
}

TEST_F(BuildAreas, ALinkThatIsNoArchivesIsNotFollowed) {
  fs::create_directories(work() + "/.build.abcdef");
  std::ofstream{output()} << "precious";
  fs::create_symlink(output(), work() + "/.build.abcdef/part");
  ubc::isolate::sweep_builds(work());
  EXPECT_THAT(left(), ElementsAre("x.tar.gz"));
}

TEST_F(BuildAreas, ABuildSweepsWhatAnEarlierOneLeft) {
  end(builder());
  const auto built = ubc::isolate::build_template("busybox", output(), work());
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_THAT(left(), UnorderedElementsAre("x.tar.gz"));
}

}  // namespace

// SPDX-License-Identifier: Apache-2.0
// packaging/systemd as it is shipped, under a real systemd: process 1 of a pid namespace, with the host's cgroups, network and BPF file
// system.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "os/text_file.h"
#include "tests/programs/daemon.h"

namespace ubc::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

const fs::path kUnits = "/etc/systemd/system";

class Units : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    for (const char* program : {"ubctl", "ubcd", "ubc-unpack", "ubc-pack"})   // where the units have them
      fs::copy_file(fs::path{UBCTL}.parent_path() / program, fs::path{"/usr/bin"} / program, fs::copy_options::overwrite_existing);
    for (const auto& unit : fs::directory_iterator{UBC_SOURCE "/packaging/systemd"})
      fs::copy_file(unit.path(), kUnits / unit.path().filename(), fs::copy_options::overwrite_existing);
    std::ofstream{kUnits / "ubc-test.target"} << "[Unit]\nDefaultDependencies=no\n";   // nothing else of this machine's
    unshare_ = ::fork();
    if (unshare_ == 0) {
      ::execlp("unshare", "unshare", "--fork", "--kill-child", "--pid", "--mount", "--mount-proc", "--propagation", "slave", "env", "-i",
               "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "container=ubc-test", "/lib/systemd/systemd", "--system", "--unit=ubc-test.target",
               "--show-status=0", nullptr);
      ::_exit(127);
    }
    const std::string children = "/proc/" + std::to_string(unshare_) + "/task/" + std::to_string(unshare_) + "/children";
    for (int tries = 0; tries < 600 && pid_ == 0; ++tries, (void)::usleep(50'000))
      pid_ = static_cast<pid_t>(os::parse_number(text_of(children)).value_or(0));
    ASSERT_NE(pid_, 0) << "systemd did not start (Debian package systemd)";
    ASSERT_TRUE(becomes("systemctl is-active ubc-test.target", "active\n")) << journal();
    need_busybox_template();
  }
  static void TearDownTestSuite() {
    (void)inside("systemctl stop ubcd ubc-console job; ubctl stop 101 --fast; ubctl destroy 101");
    (void)::kill(unshare_, SIGKILL);   // and all that is inside with it
    (void)::waitpid(unshare_, nullptr, 0);
  }

  /// In systemd's world: its processes have other numbers there.
  static Ran inside(const std::string& command) { return shell("nsenter -t " + std::to_string(pid_) + " -m -p sh -c '" + command + "'"); }
  static bool becomes(const std::string& command, const std::string& wanted) {
    for (int tries = 0; tries < 600; ++tries) {
      if (inside(command).output == wanted) return true;
      (void)::usleep(100'000);
    }
    ADD_FAILURE() << command << ": " << inside(command).output;
    return false;
  }
  static std::string journal() { return inside("journalctl --no-pager --quiet --lines 60").output; }
  static std::string property(const std::string& unit, const std::string& name) {
    std::string value = inside("systemctl show --value -p " + name + " " + unit).output;
    value.erase(value.find_last_not_of('\n') + 1);
    return value;
  }
  static void start_guest() {
    const Ran started = inside("ubctl create 101 --ostemplate busybox --numproc 10:12 && ubctl start 101");
    ASSERT_EQ(started.status, 0) << started.output;
  }
  static void destroy_guest() { (void)inside("ubctl stop 101 --fast; ubctl destroy 101"); }

 private:
  inline static pid_t unshare_ = 0, pid_ = 0;
};

TEST_F(Units, UbcdIsReadyReadsAllWithinItsHardeningAndIsStartedAgainWhenItHangs) {
  start_guest();
  fs::create_directories(kUnits / "ubcd.service.d");
  std::ofstream{kUnits / "ubcd.service.d/test.conf"} << "[Service]\nWatchdogSec=5\n";   // a minute is for those who have time
  ASSERT_EQ(inside("systemctl daemon-reload; systemctl start ubcd").status, 0) << inside("systemctl status ubcd").output;
  EXPECT_EQ(property("ubcd", "ActiveState"), "active");
  EXPECT_EQ(property("ubcd", "StatusErrno"), "0");
  const auto expect_whole = [] {
    const std::string text = get("/metrics");
    EXPECT_EQ(value_of(text, "ubc_read_failures_total"), "0") << journal();
    EXPECT_EQ(value_of(text, "ubc_hooks_attached"), "1");
    EXPECT_EQ(value_of(text, of_101("ubc_held_items", "numproc")), "1");
    EXPECT_EQ(value_of(text, of_101("ubc_limit_items", "numproc")), "12");
    EXPECT_NE(value_of(text, "ubc_cpu_seconds_total{ctid=\"101\",mode=\"user\"}"), "");
    EXPECT_THAT(get("/api/v1/containers/101/usage"), HasSubstr("\"cputime\""));
    EXPECT_THAT(get("/api/v1/containers/101/refusals"), HasSubstr("\"refusals\":[]"));
  };
  expect_whole();
  const std::string first = property("ubcd", "MainPID");
  ASSERT_EQ(inside("kill -STOP " + first).status, 0);
  ASSERT_TRUE(becomes("systemctl show --value -p NRestarts ubcd", "1\n")) << journal();
  ASSERT_TRUE(becomes("systemctl is-active ubcd", "active\n"));
  EXPECT_NE(property("ubcd", "MainPID"), first);
  EXPECT_THAT(inside("journalctl --no-pager --quiet -u ubcd").output, HasSubstr("Watchdog timeout"));
  expect_whole();
  ASSERT_EQ(inside("systemctl reload ubcd").status, 0);
  EXPECT_EQ(value_of(get("/metrics"), "ubc_config_last_reload_successful"), "1");
  ASSERT_EQ(inside("systemctl stop ubcd").status, 0);
  EXPECT_EQ(property("ubcd", "Result"), "success") << "SIGTERM ends it";
  EXPECT_EQ(inside("ubctl status 101").output.find("running") == std::string::npos, false) << "enforcement goes on";
  destroy_guest();
}

TEST_F(Units, TheKeeperOfConsolesIsReadyAndItsConsolesOutliveIt) {
  ASSERT_EQ(inside("systemctl start ubc-console").status, 0) << inside("systemctl status ubc-console").output;
  EXPECT_EQ(property("ubc-console", "ActiveState"), "active");
  start_guest();
  ASSERT_TRUE(becomes("systemctl show --value -p NFileDescriptorStore ubc-console", "3\n"));
  const std::string first = property("ubc-console", "MainPID");
  ASSERT_EQ(inside("kill -KILL " + first).status, 0);
  ASSERT_TRUE(becomes("systemctl show --value -p NRestarts ubc-console", "1\n"));
  ASSERT_TRUE(becomes("systemctl is-active ubc-console", "active\n"));
  EXPECT_EQ(property("ubc-console", "NFileDescriptorStore"), "3");
  ASSERT_EQ(inside("ubctl exec 101 \"echo after the keeper > /dev/console\"").status, 0);
  EXPECT_TRUE(becomes("ubctl console 101 --log | grep -o \"after the keeper\"", "after the keeper\n"));
  destroy_guest();
  ASSERT_EQ(inside("systemctl stop ubc-console").status, 0);
}

TEST_F(Units, AUnitIsAdoptedAtItsStartByTheDropInAndReleasedAtItsEnd) {
  std::ofstream{kUnits / "job.service"}
      << "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/sh -c \"sleep 7007 & sleep 7008 & wait\"\n";
  fs::create_directories(kUnits / "job.service.d");
  std::string drop_in = text_of((kUnits / "ubc-adopt.conf").string());
  ASSERT_THAT(drop_in, HasSubstr("--unit %n\n"));
  drop_in.insert(drop_in.find("--unit %n\n") + 9, " --numproc 5:6");
  std::ofstream{kUnits / "job.service.d/ubc-adopt.conf"} << drop_in;
  ASSERT_EQ(inside("systemctl daemon-reload; systemctl start job").status, 0) << journal();
  EXPECT_EQ(inside("ubctl list -H -o name,numproc,numproc.b,numproc.l job | tr -s \" \"").output, "job 3 5 6\n")
      << inside("ubctl list -a").output;
  EXPECT_THAT(inside("ubctl show job").output, HasSubstr(", job, adopted --unit job.service"));
  ASSERT_EQ(inside("systemctl stop job").status, 0);
  EXPECT_THAT(inside("ubctl list -a").output, Not(HasSubstr("job")));
  EXPECT_EQ(property("job", "ActiveState"), "inactive");
}

}  // namespace
}  // namespace ubc::test

// SPDX-License-Identifier: Apache-2.0
#include "tests/programs/guest.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace ubc::test {

Ran shell(const std::string& command) {
  Ran ran;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  char buffer[4096];
  while (std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe)) ran.output.append(buffer, got);
  const int status = ::pclose(pipe);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

Ran ubctl(const std::string& arguments) { return shell(std::string{UBCTL} + " " + arguments); }

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream{path}.rdbuf();
  return text.str();
}

std::string field(const std::string& id, const std::string& name) {
  std::string text = ubctl("list -a -H -o " + name + " " + id).output;
  text.erase(0, text.find_first_not_of(" \n"));
  text.erase(text.find_last_not_of(" \n") + 1);
  return text;
}

namespace {

/// Goes when all tests are done: no container of a test has stayed.
class BusyboxTemplate : public testing::Environment {
  void TearDown() override {
    const bool built = ubctl("template list").output.find("busybox") != std::string::npos;
    EXPECT_EQ(built ? ubctl("template remove busybox").status : 0, 0);
  }
};
const auto* const busybox_template = testing::AddGlobalTestEnvironment(new BusyboxTemplate);

}  // namespace

void need_busybox_template() {
  static const Ran built = ubctl("template build busybox");
  ASSERT_EQ(built.status, 0) << built.output;
}

void Guest::SetUpTestSuite() { need_busybox_template(); }

void Guest::TearDown() {
  (void)ubctl("stop 101 --fast");
  (void)ubctl("destroy 101");
  EXPECT_NE(shell("test -e /sys/fs/cgroup/ubc/101").status, 0) << "a cgroup was left";
  EXPECT_NE(shell("test -e /var/lib/ubc/private/101").status, 0) << "a private area was left";
}

void Guest::create(const std::string& more) {
  const Ran made = ubctl("create 101 --ostemplate busybox " + more);
  ASSERT_EQ(made.status, 0) << made.output;
}

void Guest::start() {
  const Ran started = ubctl("start 101");
  ASSERT_EQ(started.status, 0) << started.output;
}

void Guest::put_probe() { ASSERT_EQ(shell("install -m 755 " PROBE " /var/lib/ubc/private/101/upper/probe").status, 0); }

void DebianGuest::SetUpTestSuite() {
  Guest::SetUpTestSuite();
  const char* cache = std::getenv("UBC_CACHE");
  const Ran imported = ubctl(std::string{"template import "} + (cache != nullptr ? cache : "/var/cache/ubc") + "/debian-12.tar.gz");
  ASSERT_EQ(imported.status, 0) << imported.output << "tests/debian_archive.sh debian-12 builds it";
}

void DebianGuest::TearDownTestSuite() { EXPECT_EQ(ubctl("template remove debian-12").status, 0); }

void DebianGuest::await_systemd() {
  Ran state;
  for (int tries = 0; tries < 600 && !state.output.starts_with("running") && !state.output.starts_with("degraded"); ++tries) {
    state = ubctl("exec2 101 systemctl is-system-running --wait");   // fails until systemd listens
    if (!state.output.starts_with("running")) (void)::usleep(100'000);
  }
  // A unit that is started over and over has failed only when systemd has had enough of it.
  EXPECT_EQ(ubctl("exec2 101 systemctl show -p NRestarts --value console-getty.service").output, "0\n");
  EXPECT_EQ(state.output, "running\n") << ubctl("exec2 101 systemctl --failed --no-legend --plain").output;
}

}  // namespace ubc::test

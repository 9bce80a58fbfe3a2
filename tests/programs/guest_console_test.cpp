// SPDX-License-Identifier: Apache-2.0
// What a guest prints on its console is kept, and whoever is attached has that terminal.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "os/descriptor_message.h"
#include "tests/programs/guest.h"
#include "tests/programs/terminal.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string kAttached = "Attached to container 101 (Esc . at the start of a line detaches)\r\n";

/// Until it is true.
void await(const std::string& condition) {
  EXPECT_EQ(shell("i=0; until " + condition + "; do i=$((i + 1)); [ $i -lt 1200 ] || exit 1; sleep 0.1; done").status, 0) << condition;
}

class Keeper {
 public:
  /// `before` is done in its process before the program is.
  explicit Keeper(const std::function<void()>& before = [] {}) : pid_{::fork()} {
    if (pid_ == 0) {
      before();
      ::execl(UBCTL, UBCTL, "console", "--keep", nullptr);
      ::_exit(127);
    }
    await("test -S /run/ubc/console.sock");
  }
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  ~Keeper() { end(SIGTERM); }
  /// Its wait status.
  int end(int signal) {
    int status = 0;
    if (pid_ > 0) {
      (void)::kill(pid_, signal);
      (void)::waitpid(pid_, &status, 0);
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
};

class GuestConsole : public Guest {
 protected:
  /// A container whose process 1 is this script.
  static void create_with(const std::string& script, const std::string& more = "") {
    create("--init '/bin/sh /say' " + more);
    ASSERT_EQ(shell("cat > /var/lib/ubc/private/101/upper/say <<'END'\n" + script + "\nEND").status, 0);
  }
  static std::string log() { return ubctl("console 101 --log").output; }
};

TEST_F(GuestConsole, WhatItPrintsIsKeptWithoutItsControlSequencesAndGoesWithTheContainer) {
  Keeper keeper;
  create_with(
      "echo standard output; printf '\\033[1;31mthe\\033[0m \\033]0;title\\007console\\n' > /dev/console; echo errors >&2\nexec sleep "
      "7007");
  start();
  await("grep -q errors /var/lib/ubc/console/101.log");
  EXPECT_EQ(log(), "standard output\nthe console\nerrors\n");
  EXPECT_EQ(ubctl("exec2 101 'test -t 0 < /dev/console && stat -c %u:%g /dev/console'").output, "0:5\n");
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  EXPECT_EQ(log(), "standard output\nthe console\nerrors\n");
  EXPECT_EQ(shell("stat -c %a /var/lib/ubc/console /var/lib/ubc/console/101.log").output, "700\n600\n");
  EXPECT_EQ(ubctl("destroy 101").status, 0);
  EXPECT_EQ(shell("ls /var/lib/ubc/console").output, "");
}

TEST_F(GuestConsole, AnAttachedTerminalIsTheGuestsUntilItsKeyIsPressed) {
  Keeper keeper;
  create_with("while read line < /dev/console; do echo got $line $(stty size < /dev/console); done");
  start();
  Terminal terminal{33, 101};
  const termios before = terminal.modes();
  terminal.run({UBCTL, "console", "101"});
  ASSERT_TRUE(terminal.sees(kAttached)) << terminal.seen();
  terminal.type("hello\r");
  EXPECT_TRUE(terminal.sees("got hello 33 101")) << terminal.seen();
  terminal.type("\x1b.");
  EXPECT_TRUE(terminal.sees("Detached from container 101")) << terminal.seen();
  EXPECT_EQ(terminal.wait(), 0);
  EXPECT_TRUE(same(terminal.modes(), before));
  Terminal other{24, 80};
  other.run({UBCTL, "console", "101"});
  EXPECT_TRUE(other.sees("got hello 33 101\r\n" + kAttached)) << other.seen();
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  EXPECT_TRUE(other.sees("Container 101 has ended")) << other.seen();
  EXPECT_EQ(other.wait(), 0);
}

TEST_F(GuestConsole, WhereTheGuestHasALoginThereOneLogsIn) {
  Keeper keeper;
  create();
  (void)shell(
      "cd /var/lib/ubc/private/101/upper && mkdir -p etc && echo 'root::0:0:root:/root:/bin/sh' > etc/passwd && echo "
      "'root::19000:0:99999:7:::' > etc/shadow && echo '::respawn:/bin/getty -L 0 console vt100' > etc/inittab");
  start();
  await("grep -q 'login: ' /var/lib/ubc/console/101.log");
  Terminal terminal{24, 80};
  terminal.run({UBCTL, "console", "101"});
  ASSERT_TRUE(terminal.sees("101 login: ")) << terminal.seen();
  ASSERT_TRUE(terminal.sees(kAttached)) << terminal.seen();
  terminal.type("root\r");
  ASSERT_TRUE(terminal.sees(" # ")) << terminal.seen();   // login(1) forgets what was typed before
  terminal.type("echo $((40 + 2)) on $(tty)\r");
  EXPECT_TRUE(terminal.sees("42 on /dev/console")) << terminal.seen();
  for (int times = 0; times < 2; ++times) {   // the end of a session hangs its terminal up
    terminal.type("exit\r");
    ASSERT_TRUE(terminal.sees("101 login: ")) << terminal.seen();
    terminal.type("root\r");
    ASSERT_TRUE(terminal.sees(" # ")) << terminal.seen();
  }
}

TEST_F(GuestConsole, AGuestThatPrintsWithoutEndFillsItsLogAndNoMore) {
  Keeper keeper;
  create_with("exec yes a line of a guest that does not stop");
  start();
  await("test -e /var/lib/ubc/console/101.log.1");
  const Ran size = shell("cat /var/lib/ubc/console/101.log.1 | wc -c");
  EXPECT_GT(std::stoi(size.output), 120 << 10);
  EXPECT_LE(std::stoi(size.output), 128 << 10);
  await("test $(stat -c %s /var/lib/ubc/console/101.log) -gt 60000");
  EXPECT_LE(std::stoi(shell("cat /var/lib/ubc/console/101.log* | wc -c").output), 256 << 10);
  EXPECT_THAT(log(), HasSubstr("\na line of a guest that does not stop\n"));
}

TEST_F(GuestConsole, WithoutAKeeperAGuestRunsAndItIsSaidWhy) {
  create_with("echo nobody hears; exec sleep 7007");
  start();
  EXPECT_EQ(log(), "");
  EXPECT_EQ(ubctl("exec2 101 stat -c %t:%T /dev/console").output, "1:3\n");
  Terminal terminal{24, 80};
  terminal.run({UBCTL, "console", "101"});
  EXPECT_TRUE(
      terminal.sees("nobody keeps consoles on this host: start ubc-console.service (ubctl console --keep), and then the containers\r\n"))
      << terminal.seen();
  EXPECT_EQ(terminal.wait(), 31);
  Keeper late;
  Terminal other{24, 80};
  other.run({UBCTL, "console", "101"});
  EXPECT_TRUE(other.sees("the console of container 101 is not kept: it does not run, or runs since before its keeper did\r\n"))
      << other.seen();
  const Ran second = ubctl("console --keep");
  EXPECT_EQ(second.status, 9);
  EXPECT_EQ(second.output, "consoles are kept already: another ubctl console --keep runs\n");
}

TEST_F(GuestConsole, AKeeperThatIsKilledTakesNoGuestWithIt) {
  Keeper keeper;
  create_with("while sleep 0.1; do echo alive; echo more > /dev/console; done");
  start();
  await("grep -q more /var/lib/ubc/console/101.log");
  EXPECT_EQ(keeper.end(SIGKILL), SIGKILL);
  EXPECT_EQ(ubctl("exec2 101 'sleep 0.5; cat /proc/1/comm'").output, "sh\n");
  Keeper next;
  EXPECT_EQ(ubctl("restart 101 --fast").status, 0);
  (void)shell(": > /var/lib/ubc/console/101.log");
  await("grep -q more /var/lib/ubc/console/101.log");
}

/// In systemd's place.
class Manager {
 public:
  Manager() {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = "/tmp/console-manager"};
    (void)::unlink(address.sun_path);
    const timeval patience{.tv_sec = 120, .tv_usec = 0};
    (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  /// For a keeper that it starts, with what it has kept for it.
  void start_with(std::vector<int> kept) const {
    for (int& fd : kept) fd = ::fcntl(fd, F_DUPFD, 100);
    for (std::size_t i = 0; i < kept.size(); ++i) (void)::dup2(kept[i], static_cast<int>(i) + 3);
    (void)::setenv("NOTIFY_SOCKET", "/tmp/console-manager", 1);
    (void)::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    (void)::setenv("LISTEN_FDS", std::to_string(kept.size()).c_str(), 1);
    (void)::setenv("LISTEN_FDNAMES", "101:101:101", 1);
  }
  os::DescriptorMessage next() const { return os::receive_message(socket_.get()).value_or(os::DescriptorMessage{}); }

 private:
  os::Fd socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(GuestConsole, WhereAManagerKeepsThemConsolesOutliveTheirKeeper) {
  const Manager manager;
  Keeper first{[&] { manager.start_with({}); }};
  EXPECT_EQ(manager.next().text, "READY=1");
  create_with("while sleep 0.1; do echo alive > /dev/console; done");
  start();
  const os::DescriptorMessage stored = manager.next();
  EXPECT_EQ(stored.text, "FDSTORE=1\nFDPOLL=0\nFDNAME=101");
  ASSERT_EQ(stored.descriptors.size(), 3U);
  EXPECT_EQ(first.end(SIGKILL), SIGKILL);
  (void)shell("rm -f /run/ubc/console.sock /var/lib/ubc/console/101.log");
  const Keeper second{[&] { manager.start_with({stored.descriptors[2].get(), stored.descriptors[0].get(), stored.descriptors[1].get()}); }};
  EXPECT_EQ(manager.next().text, "READY=1");
  await("grep -q alive /var/lib/ubc/console/101.log");
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  EXPECT_EQ(manager.next().text, "FDSTOREREMOVE=1\nFDNAME=101");
}

}  // namespace
}  // namespace ubc::test

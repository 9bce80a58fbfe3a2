// SPDX-License-Identifier: Apache-2.0
// Groups as a reseller uses them: two guests under one sum, a third beside them, and what is left when ubctl is killed at each step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "bpf/ledger.h"
#include "tests/programs/guest.h"
#include "tests/support/sampler.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;

/// Containers 101 and 102 of the group alpha, 103 of none.
class Groups : public Guest {
 protected:
  void TearDown() override {
    for (const char* id : {"102", "103"}) {
      (void)ubctl(std::string{"stop --fast "} + id);
      (void)ubctl(std::string{"destroy "} + id);
    }
    Guest::TearDown();
    for (const char* name : {"alpha", "beta"}) (void)ubctl(std::string{"group destroy "} + name);
    EXPECT_EQ(ubctl("group list").output, "GROUP                            MEMBERS RUNNING\n");
    EXPECT_EQ(shell("find /sys/fs/cgroup/ubc -mindepth 1 -type d").output, "") << "a cgroup was left";
    EXPECT_EQ(text_of("/sys/fs/cgroup/ubc/memory.low"), "0\n");
  }
  static void create_all(const std::string& numbers, const std::string& first = "", const std::string& second = "") {
    const Ran made = ubctl("group create alpha " + numbers);
    ASSERT_EQ(made.status, 0) << made.output;
    create("--group alpha " + first);
    ASSERT_EQ(ubctl("create 102 --ostemplate busybox --group alpha " + second).status, 0);
    ASSERT_EQ(ubctl("create 103 --ostemplate busybox").status, 0);
  }
  static void start_all() {
    for (const char* id : {"101", "102", "103"}) {
      const Ran started = ubctl(std::string{"start "} + id);
      ASSERT_EQ(started.status, 0) << started.output;
    }
  }
};

struct Row {
  std::string held, maxheld, barrier, limit, failcnt;
};
Row row_of(const std::string& group, const std::string& resource) {
  std::istringstream lines{ubctl("group show " + group).output};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    std::string name;
    Row row;
    if (words >> name >> row.held >> row.maxheld >> row.barrier >> row.limit >> row.failcnt && name == resource) return row;
  }
  return {};
}

std::string knob(const std::string& file) { return text_of("/sys/fs/cgroup/ubc/" + file); }
std::uint32_t slot_of_group(const std::string& name) {
  return static_cast<std::uint32_t>(std::stoul(shell("sed -n 's/^SLOT=\"\\(.*\\)\"/\\1/p' /run/ubc/groups/" + name).output));
}

/// Forks until it is refused; what it made lives on.
constexpr const char* kBomb = " 'i=0; while [ $i -lt 100 ]; do sleep 1000 & i=$((i+1)); done' >/dev/null 2>&1";

TEST_F(Groups, AForkBombInBothNeverExceedsTheSumAndTheContainerBesideThemWorks) {
  create_all("--numproc 40");
  start_all();
  EXPECT_EQ(field("101", "group"), "alpha");
  EXPECT_EQ(field("103", "group"), "-");
  EXPECT_EQ(ubctl("list -H -o ctid,group 101").output, "       101 alpha\n");
  EXPECT_THAT(ubctl("show 101").output, HasSubstr("container 101, running, group alpha\n"));
  EXPECT_THAT(ubctl("group show alpha").output, HasSubstr("group alpha, containers 101, 102\n"));
  auto ledger = bpf::Ledger::open();
  ASSERT_TRUE(ledger) << ledger.error().message;
  Sampler sampler{*ledger, slot_of_group("alpha")};
  const Ran bombs = shell(std::string{"("} + UBCTL + " exec2 101" + kBomb + " & " + UBCTL + " exec2 102" + kBomb + " & wait)");
  sampler.stop();
  EXPECT_EQ(sampler.excess(UBC_NUMPROC), 0U);
  EXPECT_GT(sampler.samples(), 100U);
  const Row full = row_of("alpha", "numproc");
  EXPECT_EQ(full.maxheld, "40") << bombs.output;
  EXPECT_EQ(full.barrier, "40");
  EXPECT_GE(std::stoi(full.failcnt), 2);
  EXPECT_EQ(std::stoi(field("101", "numproc")) + std::stoi(field("102", "numproc")), std::stoi(full.held));
  EXPECT_EQ(field("101", "numproc.f") + field("102", "numproc.f"), "00");
  EXPECT_EQ(ubctl("exec2 103 'for i in 1 2 3 4 5 6 7 8; do sleep 0 & done; wait; echo fine'").output, "fine\n");

  for (const char* who : {"101", "102", "alpha"}) {
    const std::string why = ubctl(std::string{"why "} + who + " numproc").output;
    EXPECT_THAT(why, HasSubstr(std::string{"numproc: refused "} + (*who == 'a' ? "" : "by group alpha ") + full.failcnt + " times, last "));
    EXPECT_THAT(why,
                HasSubstr(": 1 more at 40 held by the group, barrier 40, limit 40.\n    to let it pass: ubctl group set alpha --numproc "
                          "52:52 --save\n"));
  }
  EXPECT_THAT(ubctl("events alpha").output, HasSubstr("+1 at 40 of 40:40 of group alpha"));
  EXPECT_THAT(ubctl("events --json alpha").output, HasSubstr("\"group\":\"alpha\""));
  EXPECT_EQ(ubctl("why 103").output, "Container 103 was refused nothing.\n");

  EXPECT_NE(ubctl("exec2 101 'sleep 1 & sleep 1 & sleep 1 & wait'").status, 0) << "the two shells that were refused have left room for two";
  const Ran raised = ubctl("group set alpha --numproc 52:52");
  EXPECT_THAT(raised.output, HasSubstr("UB limits were set successfully\n"));
  EXPECT_THAT(raised.output, HasSubstr("will be lost when the last container of the group stops"));
  EXPECT_EQ(ubctl("exec2 101 'sleep 0 & wait; echo more'").output, "more\n");
  EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
  EXPECT_EQ(ubctl("stop 102 --fast").status, 0);
  for (const ubc_resource resource : kExact) EXPECT_EQ(ledger->read(slot_of_group("alpha"), resource).held, 0U) << resource;
  EXPECT_EQ(ledger->health().losses[UBC_LOSS_UNCHARGE_TOO_MUCH], 0U);
  EXPECT_EQ(row_of("alpha", "numproc").barrier, "40") << "not saved";
  EXPECT_EQ(text_of("/sys/fs/bpf/ubc/user_beancounters").find("        0:"), std::string::npos) << "a group is no container";
}

TEST_F(Groups, MemoryIsCappedByTheGroupsCgroupAndGuaranteesSumUpToItsNumber) {
  create_all("--physpages 0:48M --swappages 0:64M --vmguarpages 4M:unlimited", "--vmguarpages 2M:unlimited", "--vmguarpages 3M:unlimited");
  start_all();
  EXPECT_EQ(knob("alpha/memory.max"), "50331648\n");
  EXPECT_EQ(knob("alpha/memory.swap.max"), "67108864\n");
  EXPECT_EQ(knob("alpha/101/memory.max"), "max\n");
  EXPECT_EQ(knob("alpha/101/memory.low") + knob("alpha/102/memory.low") + knob("alpha/memory.low") + knob("memory.low"),
            "2097152\n3145728\n4194304\n4194304\n");
  EXPECT_EQ(ubctl("group set alpha --vmguarpages unlimited --physpages 0:96M").status, 0);
  EXPECT_EQ(knob("alpha/memory.low") + knob("memory.low"), "5242880\n5242880\n");
  EXPECT_EQ(knob("alpha/memory.max"), "100663296\n");
  EXPECT_EQ(ubctl("stop 102 --fast").status, 0);
  EXPECT_EQ(knob("alpha/memory.low") + knob("memory.low"), "2097152\n2097152\n");
  EXPECT_EQ(ubctl("exec2 101 'dd if=/dev/zero of=/dev/null bs=8M count=1'").status, 0);
  EXPECT_NE(ubctl("exec2 101 'dd if=/dev/zero of=/dev/null bs=256M count=1'").status, 0) << "killed by the group's limit";
  EXPECT_NE(row_of("alpha", "physpages").failcnt, "0");
}

TEST_F(Groups, AContainerChangesItsGroupWhenItIsStartedNext) {
  create_all("--numfile 300");
  ASSERT_EQ(ubctl("group create beta --numproc 30").status, 0);
  start();
  EXPECT_EQ(ubctl("set 101 --group beta").status, 21) << "in the configuration only";
  EXPECT_EQ(ubctl("set 101 --group beta --save --setmode ignore").status, 32);
  const Ran saved = ubctl("set 101 --group beta --save");
  EXPECT_EQ(saved.status, 0) << saved.output;
  EXPECT_THAT(saved.output, HasSubstr("GROUP is taken up when the container is started: --setmode restart does that now"));
  EXPECT_EQ(field("101", "group"), "alpha");
  EXPECT_EQ(ubctl("group destroy alpha").status, 32) << "it runs in it";
  EXPECT_EQ(ubctl("set 101 --init '/sbin/init 2' --save --setmode restart").status, 0);
  EXPECT_EQ(field("101", "group"), "beta");
  EXPECT_NE(knob("beta/101/cgroup.controllers"), "");
  EXPECT_NE(shell("test -e /sys/fs/cgroup/ubc/alpha").status, 0);
  EXPECT_EQ(row_of("beta", "numproc").held, field("101", "numproc"));
  EXPECT_EQ(ubctl("set 101 --group '' --save --setmode restart").status, 0);
  EXPECT_EQ(field("101", "group"), "-");
  EXPECT_EQ(row_of("beta", "numproc").held, "0");
  EXPECT_EQ(ubctl("group destroy beta").status, 0);
  EXPECT_EQ(ubctl("group destroy alpha").output,
            "group alpha has members: 102; ubctl set ID --group \"\" --save takes one out, ubctl release an adopted one\n");
}

TEST_F(Groups, ACommandKilledAtAnyStepLeavesWhatTheNextOneMends) {
  create_all("--numproc 33 --physpages 0:64M");
  const auto killed = [](const std::string& stage, const std::string& command) {
    EXPECT_EQ(shell("UBC_FAULT=" + stage + " " + UBCTL + " " + command).status, 137) << stage;
  };
  for (const char* stage :
       {"start:record", "group:slot", "group:cgroup", "group:limits", "start:group", "start:cgroups", "start:launched"}) {
    killed(stage, "start 101");
    const Ran started = ubctl("start 102");
    EXPECT_EQ(started.status, 0) << stage << ": " << started.output;
    EXPECT_EQ(row_of("alpha", "numproc").barrier, "33") << stage;
    EXPECT_EQ(knob("alpha/memory.max"), "67108864\n") << stage;
    EXPECT_EQ(ubctl("start 101").status, 0) << stage;
    EXPECT_EQ(std::stoi(row_of("alpha", "numproc").held), std::stoi(field("101", "numproc")) + std::stoi(field("102", "numproc"))) << stage;
    EXPECT_EQ(ubctl("stop 102 --fast").status, 0);
    EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
    EXPECT_NE(shell("test -e /sys/fs/cgroup/ubc/alpha").status, 0) << stage;
  }
  for (const char* stage : {"teardown:cgroups", "group:left", "stop:killed"}) {
    start();
    killed(stage, "stop 101 --fast");
    EXPECT_EQ(ubctl("stop 101 --fast").status, 0) << stage;
    EXPECT_NE(shell("test -e /sys/fs/cgroup/ubc/alpha").status, 0) << stage;
    EXPECT_EQ(row_of("alpha", "numproc").held, "0") << stage;
  }
  ASSERT_EQ(ubctl("group create beta --numproc 30").status, 0);
  killed("group:down", "group destroy beta");
  EXPECT_EQ(ubctl("group destroy beta").status, 0);
}

TEST_F(Groups, AnAdoptedContainerIsChargedToItsGroupUntilItIsReleased) {
  create_all("--numfile 400");
  ASSERT_EQ(shell("mkdir /sys/fs/cgroup/adoptee; sh -c 'echo $$ >/sys/fs/cgroup/adoptee/cgroup.procs; exec sleep 1000 3</dev/null' "
                  ">/dev/null 2>&1 & sleep 1")
                .status,
            0);
  const Ran adopted = ubctl("adopt job --cgroup /adoptee --group alpha");
  EXPECT_EQ(adopted.status, 0) << adopted.output;
  EXPECT_THAT(adopted.output, HasSubstr("its memory stays in its own cgroup: group alpha caps what is counted by hooks"));
  EXPECT_EQ(row_of("alpha", "numproc").held, "1");
  EXPECT_EQ(row_of("alpha", "numfile").held, field("job", "numfile"));
  EXPECT_NE(row_of("alpha", "numfile").held, "0");
  EXPECT_EQ(field("job", "group"), "alpha");
  EXPECT_THAT(ubctl("group destroy alpha").output, HasSubstr("group alpha has members: 101, 102, 2000000"));
  EXPECT_EQ(ubctl("release job").status, 0);
  EXPECT_EQ(row_of("alpha", "numproc").held, "0");
  EXPECT_EQ(row_of("alpha", "numfile").held, "0");
  EXPECT_NE(shell("test -e /sys/fs/cgroup/ubc/alpha").status, 0);
  EXPECT_EQ(shell("echo 1 >/sys/fs/cgroup/adoptee/cgroup.kill; sleep 1; rmdir /sys/fs/cgroup/adoptee").status, 0);
}

TEST_F(Groups, BadInputSaysWhatIsWrongAndChangesNothing) {
  create_all("--numproc 30", "--name web");
  const struct {
    const char* command;
    int status;
    const char* says;
  } cases[] = {
      {"group create alpha", 131, "group alpha exists already: ubctl group set alpha changes it\n"},
      {"group create web", 131, "Name web is in use by a container: choose another\n"},
      {"group create 7up", 21, "Bad group name 7up: a letter, then letters, digits, - and _, at most 32\n"},
      {"group create x --numproc 9:8", 21,
       "Bad parameter for --numproc: 9:8: the barrier is over the limit; say barrier:limit, the smaller first\n"},
      {"group set none --numproc 3", 14, "there is no group none: ubctl group list shows those that exist, ubctl group create makes one\n"},
      {"group set alpha", 20, "nothing to set: ubctl group set --help lists the options\n"},
      {"group set alpha --numproc 3", 31, "Unable to apply UBC parameters: no container of group alpha is running; --save keeps them\n"},
      {"group set alpha --vm_overcommit 2 --save", 21,
       "a group has beancounters only, no VM_OVERCOMMIT: say the numbers that its containers come to together\n"},
      {"set 101 --group none --save", 14,
       "there is no group none: ubctl group list shows those that exist, ubctl group create makes one\n"},
      {"set 101 --group a/b --save", 21, "Bad group name a/b: a letter, then letters, digits, - and _, at most 32\n"},
      {"set 103 --name alpha --save", 131, "Name alpha is in use by a group: choose another\n"},
  };
  for (const auto& bad : cases) {
    const Ran ran = ubctl(bad.command);
    EXPECT_EQ(ran.status, bad.status) << bad.command;
    EXPECT_EQ(ran.output, bad.says) << bad.command;
  }
  EXPECT_EQ(text_of("/etc/ubc/groups/alpha.conf"), "NUMPROC=\"30\"\n");
  EXPECT_EQ(ubctl("group set alpha --numproc 44:50 --save").status, 0);
  EXPECT_EQ(text_of("/etc/ubc/groups/alpha.conf"), "NUMPROC=\"44:50\"\n");
  ASSERT_EQ(shell("mv /etc/ubc/groups/alpha.conf /tmp/alpha.conf").status, 0);
  EXPECT_THAT(ubctl("start 101").output,
              HasSubstr("container 101 is in group alpha, which is not there: ubctl group create alpha, or ubctl "
                        "set 101 --group \"\" --save\n"));
  EXPECT_EQ(shell("mv /tmp/alpha.conf /etc/ubc/groups/alpha.conf").status, 0);
}

}  // namespace
}  // namespace ubc::test

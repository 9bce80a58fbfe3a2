// SPDX-License-Identifier: Apache-2.0
// adopt and release as their user runs them: on a cgroup made by hand, as systemd's unit would lie, and on podman's containers by name and
// by hook.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;

constexpr const char* kSlice = "/sys/fs/cgroup/test.slice";
constexpr const char* kUnit = "/sys/fs/cgroup/test.slice/job.service";

/// A busybox shell with two sleepers in a unit's cgroup.
class Adopted : public testing::Test {
 protected:
  void SetUp() override {
    const std::string unit = kUnit, procs = unit + "/cgroup.procs";
    const Ran made = shell("mkdir -p " + unit + "; echo +memory >" + kSlice + "/cgroup.subtree_control; busybox sh -c 'echo $$ >" + procs +
                           "; busybox sleep 1000 & busybox sleep 1000 & wait' >/dev/null 2>&1 </dev/null & "
                           "for i in $(seq 100); do [ $(cat " +
                           procs + " | wc -l) = 3 ] && exit 0; sleep 0.2; done; exit 1");
    ASSERT_EQ(made.status, 0) << made.output;
  }
  void TearDown() override {
    (void)ubctl("release job");
    (void)ubctl("release all");
    (void)shell(std::string{"cd "} + kSlice + "; echo 1 >cgroup.kill; echo 0 >job.service/cgroup.freeze");
    (void)shell(std::string{"for i in $(seq 50); do rmdir "} + kSlice + "/* >/dev/null; rmdir " + kSlice + " && break; sleep 0.2; done");
    EXPECT_EQ(shell("ls /run/ubc/adopted /run/ubc/adopted-names").output, "/run/ubc/adopted:\n\n/run/ubc/adopted-names:\n");
  }
  static std::string knob(const std::string& file) { return shell(std::string{"cat "} + kUnit + "/" + file).output; }
};

TEST_F(Adopted, AKernelWithoutHooksShowsACensusAndSaysThatItRefusesNothing) {
  ASSERT_NE(shell("test -e /sys/fs/bpf/ubc/links").status, 0) << "this test is the first, before somebody attaches them";
  const Ran ran = shell("unshare -m sh -ec 'mount -t tmpfs none /sys/kernel/btf; ! " UBCTL " adopt job --unit job; " UBCTL
                        " adopt job --unit job --force --physpages 0:64M; " UBCTL " show job; " UBCTL " release job'");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("btf/vmlinux cannot be read"));
  EXPECT_THAT(ran.output, HasSubstr("only counted, by a census of /proc when shown, and not limited"));
  EXPECT_THAT(ran.output, HasSubstr("numproc               3"));
  EXPECT_THAT(ran.output, HasSubstr("numfile               4"));
  EXPECT_EQ(knob("memory.max"), "max\n");
}

TEST_F(Adopted, AUnitIsCountedLimitedShownAndLetGoAsItWas) {
  const Ran made = ubctl("adopt job --unit job --numproc 5:5 --physpages 0:64M");
  ASSERT_EQ(made.status, 0) << made.output;
  EXPECT_THAT(made.output, HasSubstr("2000000001 (job) was adopted: /test.slice/job.service"));
  EXPECT_EQ(knob("cgroup.freeze"), "0\n");
  EXPECT_EQ(knob("memory.max"), "67108864\n");
  EXPECT_EQ(field("job", "numproc"), "3");
  EXPECT_EQ(field("2000000001", "numproc.b"), "5");
  EXPECT_EQ(ubctl("set job --numproc 4").status, 0);
  EXPECT_EQ(field("job", "numproc.b"), "4");
  EXPECT_THAT(ubctl("set job --numwatch 5").output, HasSubstr("Not counted in an adopted container, so not limited: numwatch\n"));
  EXPECT_THAT(ubctl("show job").output, HasSubstr("container 2000000001, job, adopted --unit job.service, VSwap\n"));
  EXPECT_EQ(ubctl("release job").status, 0);
  EXPECT_EQ(knob("cgroup.freeze"), "0\n");
  EXPECT_THAT(knob("cgroup.events"), HasSubstr("frozen 0"));
  EXPECT_EQ(knob("memory.max"), "max\n");
  EXPECT_EQ(ubctl("show job").status, 14);
  const Ran again = ubctl("adopt job --cgroup test.slice/job.service --id 77");
  EXPECT_EQ(again.status, 0) << again.output;
  EXPECT_EQ(field("77", "numproc"), "3");
}

TEST_F(Adopted, UbctlKilledAtAnyStageLeavesItFrozenForTheNextCommandToThawAndRelease) {
  for (const std::string stage : {"adopt:record", "adopt:frozen", "adopt:mapped", "adopt:counted"}) {
    EXPECT_NE(shell("UBC_FAULT=" + stage + " " + UBCTL + " adopt job --unit job --physpages 0:64M").status, 0) << stage;
    EXPECT_EQ(knob("cgroup.freeze"), stage == "adopt:record" ? "0\n" : "1\n") << stage;
    EXPECT_THAT(ubctl("list -a").output, HasSubstr("job was half adopted")) << stage;
    EXPECT_EQ(knob("cgroup.freeze"), "0\n") << stage;
    EXPECT_EQ(knob("memory.max"), "max\n") << stage;
    EXPECT_EQ(ubctl("show job").status, 14) << stage;
  }
  ASSERT_EQ(ubctl("adopt job --unit job").status, 0);
  EXPECT_NE(shell(std::string{"UBC_FAULT=release:frozen "} + UBCTL + " release job").status, 0);
  EXPECT_EQ(knob("cgroup.freeze"), "1\n");
  (void)ubctl("list");
  EXPECT_EQ(knob("cgroup.freeze"), "0\n");
}

TEST_F(Adopted, BadInputIsOneSentenceAndChangesNothing) {
  ASSERT_EQ(ubctl("adopt job --unit job").status, 0);
  const struct {
    const char* arguments;
    int status;
    const char* says;
  } cases[] = {
      {"adopt job --unit job", 44, "Name job is in use"},
      {"adopt two --unit job", 44, "is adopted already, as job"},
      {"adopt two --unit nothing", 14, "unit nothing.service has no cgroup"},
      {"adopt two --cgroup /nowhere", 14, "there is no cgroup /nowhere"},
      {"adopt two --pid 1", 31, "root cgroup"},
      {"adopt two --pid 999999", 14, "no process 999999"},
      {"adopt 12 --unit job", 21, "a number is an id"},
      {"adopt two --unit job --numproc 9:5", 21, "barrier is over the limit"},
      {"set job --numproc 5 --save", 21, "no configuration"},
      {"stop job", 33, "is adopted"},
      {"release nobody", 14, "no container named nobody"},
      {"hooks detach", 32, "is adopted"},
  };
  for (const auto& each : cases) {
    const Ran ran = ubctl(each.arguments);
    EXPECT_EQ(ran.status, each.status) << each.arguments << ": " << ran.output;
    EXPECT_THAT(ran.output, HasSubstr(each.says)) << each.arguments;
  }
  EXPECT_EQ(knob("cgroup.freeze"), "0\n");
  EXPECT_EQ(field("job", "numproc"), "3");
}

TEST_F(Adopted, ItsEndFreesItsSlotByTheNextCommand) {
  ASSERT_EQ(ubctl("adopt job --unit job").status, 0);
  (void)shell(std::string{"echo 1 >"} + kUnit + "/cgroup.kill; sleep 1; rmdir " + kUnit);
  EXPECT_EQ(ubctl("list -a -H").output, "");
  EXPECT_EQ(shell("ls /run/ubc/adopted").output, "");
}

TEST_F(Adopted, OneInsideAnotherTakesItsTasksAlongAndGivesThemBack) {
  const Ran outer = ubctl("adopt all --cgroup test.slice --numproc 9");
  ASSERT_EQ(outer.status, 0) << outer.output;
  EXPECT_EQ(field("all", "numproc"), "3");
  const std::string files = field("all", "numfile");
  ASSERT_EQ(ubctl("adopt job --unit job").status, 0);
  EXPECT_EQ(field("job", "numproc"), "3");
  EXPECT_EQ(field("job", "numfile"), files);
  EXPECT_EQ(field("all", "numproc"), "0");
  EXPECT_EQ(field("all", "numfile"), "0");
  ASSERT_EQ(ubctl("release job").status, 0);
  EXPECT_EQ(field("all", "numproc"), "3");
  EXPECT_EQ(field("all", "numfile"), files);
  EXPECT_EQ(field("all", "numproc.b"), "9");
}

TEST_F(Adopted, WhatUbcHasAlreadyOrWouldTakeForItsOwnIsRefused) {
  ASSERT_EQ(shell("mkdir -p /sys/fs/cgroup/ubc").status, 0);
  const Ran ours = ubctl("adopt two --cgroup ubc");
  EXPECT_EQ(ours.status, 31);
  EXPECT_THAT(ours.output, HasSubstr("ubc's own containers are there"));
  const Ran made = shell(std::string{"mkdir "} + kSlice + "/ids && cd " + kSlice +
                         "/ids && sh -c 'echo $$ >cgroup.procs; exec unshare -U sleep 1000' >/dev/null 2>&1 </dev/null & "
                         "for i in $(seq 100); do pid=$(cat " +
                         kSlice +
                         "/ids/cgroup.procs) && [ \"$(cat /proc/$pid/comm)\" = sleep ] && break; sleep 0.2; done; "
                         "echo 0 268500992 10 >/proc/$pid/uid_map");
  ASSERT_EQ(made.status, 0) << made.output;
  const Ran ids = ubctl("adopt ids --cgroup test.slice/ids");
  EXPECT_EQ(ids.status, 31);
  EXPECT_THAT(ids.output, HasSubstr("uids from 268500992 on, inside ubc's own range"));
}

/// Waits for a container's programs to have started.
std::string settled(const std::string& id, const std::string& name, const std::string& want) {
  for (int tries = 0; tries < 50 && field(id, name) != want; ++tries) (void)shell("sleep 0.2");
  return field(id, name);
}

/// podman with everything on tmpfs, one image of busybox.
class Podman : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const Ran made = shell(R"(set -e; mkdir -p /run/p/rootfs/bin /run/p/hooks
printf '[engine]\ncgroup_manager="cgroupfs"\nruntime="crun"\nevents_logger="none"\nhooks_dir=["/run/p/hooks"]\n[containers]\nnetns="none"\nlog_driver="k8s-file"\n' >/run/p/containers.conf
printf '[storage]\ndriver="vfs"\ngraphroot="/run/p/root"\nrunroot="/run/p/run"\n' >/run/p/storage.conf
sed "s#/usr/bin/ubctl#)" UBCTL R"(#" )" UBC_SOURCE R"(/packaging/hooks.d/ubc.json >/run/p/hooks/ubc.json
cp $(command -v busybox) /run/p/rootfs/bin/busybox
for a in sh sleep cat; do ln -sf busybox /run/p/rootfs/bin/$a; done
tar -C /run/p/rootfs -cf /run/p/bb.tar .
for f in /etc/subuid /etc/subgid; do echo containers:1000000:6553600 >>$f; done)");
    ASSERT_EQ(made.status, 0) << made.output;
    ASSERT_EQ(podman("import /run/p/bb.tar bb").status, 0) << podman("info").output;
  }
  static Ran podman(const std::string& arguments) {
    return shell("CONTAINERS_CONF=/run/p/containers.conf CONTAINERS_STORAGE_CONF=/run/p/storage.conf podman " + arguments);
  }
  static Ran run(const std::string& options) {
    return podman("run -d --pidfile /run/p/pid --name web " + options + " bb /bin/sh -c 'cat /proc/self/uid_map; sleep 1000 & wait'");
  }
  void TearDown() override {
    (void)podman("rm -f -t 0 web");
    EXPECT_EQ(shell("ls /run/ubc/adopted").output, "") << "a record was left";
  }
  static constexpr const char* kSixSleepers = "exec web /bin/sh -c 'for i in 1 2 3 4 5 6; do sleep 1 & done; wait; echo all'";
};

TEST_F(Podman, ARunningContainerIsAdoptedByNameRefusedAtItsBarrierAndLetGo) {
  ASSERT_EQ(run("").status, 0);
  // As systemd does in its container: the first process goes into a cgroup of its own.
  ASSERT_EQ(shell("c=/sys/fs/cgroup$(grep ^0:: /proc/$(cat /run/p/pid)/cgroup | cut -c4-); mkdir $c/init.scope && "
                  "cat /run/p/pid >$c/init.scope/cgroup.procs")
                .status,
            0);
  const Ran made =
      shell("CONTAINERS_CONF=/run/p/containers.conf CONTAINERS_STORAGE_CONF=/run/p/storage.conf " UBCTL " adopt web --podman web");
  ASSERT_EQ(made.status, 0) << made.output;
  EXPECT_EQ(settled("web", "numproc", "2"), "2");
  EXPECT_EQ(ubctl("set web --numproc 6").status, 0);
  EXPECT_THAT(podman(kSixSleepers).output, HasSubstr("Cannot allocate memory"));
  EXPECT_EQ(field("web", "numproc.m"), "6");
  EXPECT_NE(field("web", "numproc.f"), "0");
  EXPECT_EQ(ubctl("release web").status, 0);
  EXPECT_THAT(podman(kSixSleepers).output, HasSubstr("all"));
}

/// A bundle whose hooks are ours, as a runtime without hooks.d has them.
TEST_F(Podman, CrunAloneRunsTheHookFromItsBundle) {
  const Ran made = shell(R"(set -e; mkdir -p /run/p/bundle; cd /run/p/bundle; rm -f config.json; crun spec
hook='{"path": ")" UBCTL R"(", "args": ["ubctl", "--quiet", "oci-hook"]}'
jq --argjson hook "$hook" '.root.path = "/run/p/rootfs" | .process.terminal = false |
.process.args = ["/bin/sh", "-c", "sleep 1000 & wait"] | .annotations = {"ubc.numproc": "5:5", "ubc.name": "alone"} |
.hooks = {createRuntime: [$hook], poststop: [$hook]}' config.json >hooked.json; mv hooked.json config.json
crun --cgroup-manager=cgroupfs run -d alone </dev/null >/dev/null)");
  ASSERT_EQ(made.status, 0) << made.output;
  EXPECT_EQ(settled("alone", "numproc", "2"), "2");
  EXPECT_EQ(field("alone", "numproc.b"), "5");
  EXPECT_EQ(shell("crun delete -f alone").status, 0);
  EXPECT_EQ(shell("ls /run/ubc/adopted").output, "");
}

TEST_F(Podman, TheHookAdoptsByAnnotationAndReleasesAtTheEnd) {
  const Ran started = run("--annotation ubc.numproc=5:5 --annotation ubc.name=web");
  ASSERT_EQ(started.status, 0) << started.output;
  EXPECT_EQ(field("web", "numproc.b"), "5");
  EXPECT_EQ(settled("web", "numproc", "2"), "2");
  EXPECT_THAT(podman(kSixSleepers).output, HasSubstr("Cannot allocate memory"));
  EXPECT_EQ(podman("rm -f -t 0 web").status, 0);
  EXPECT_EQ(shell("ls /run/ubc/adopted").output, "");
}

TEST_F(Podman, WithUsernsAutoTheHookCountsAndRefusesTheSame) {
  const Ran started = run("--userns=auto --annotation ubc.numfile=60:60 --annotation ubc.name=web");
  ASSERT_EQ(started.status, 0) << started.output;
  EXPECT_THAT(podman("exec web cat /proc/self/uid_map").output, HasSubstr("1000000"));
  const Ran opened = podman("exec web /bin/sh -c 'i=10; while [ $i -lt 99 ]; do eval \"exec $i</dev/null\" || exit 9; i=$((i+1)); done'");
  EXPECT_THAT(opened.output, HasSubstr("oo many open files in system"));
  EXPECT_LE(std::stoul("0" + field("web", "numfile.m")), 60U);
}

TEST_F(Podman, AnAnnotationThatCannotBeKeptStopsTheContainerFromStarting) {
  (void)shell(R"(rm -f /dev/log; python3 -c '
import socket
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
log.settimeout(300)
open("/run/p/logged", "wb").write(log.recv(4096))' >/dev/null 2>&1 </dev/null & for i in $(seq 100); do [ -S /dev/log ] && break; sleep 0.1; done)");
  const Ran started = run("--annotation ubc.numprok=5:5 --annotation run.oci.hooks.stderr=/run/p/said");
  EXPECT_NE(started.status, 0);
  EXPECT_THAT(text_of("/run/p/said"), HasSubstr("there is no such resource"));
  EXPECT_THAT(text_of("/run/p/logged"), HasSubstr("there is no such resource"));
  EXPECT_EQ(podman("ps -q").output, "");
}

}  // namespace
}  // namespace ubc::test

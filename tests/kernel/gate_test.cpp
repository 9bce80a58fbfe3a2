// SPDX-License-Identifier: Apache-2.0
// What the kernel counts itself, on a real kernel: inotify, user namespaces, mounts and queued signals of a container with a user namespace
// that was made under its own uid.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "tests/support/slot_process.h"

namespace ubc::test {
namespace {

/// A process that lives on once `body` has returned 0, so that the container's counts can be read.
struct Standing {
  Shared<std::atomic<int>> result;
  Process process;
  Standing(std::uint32_t slot, const std::function<int()>& body)
      : process{guest(slot, [this, body] {
          *result = 1000 + body();
          return ::pause();
        })} {
    for (int tries = 0; tries < 3000 && *result == 0; ++tries) (void)::usleep(10'000);
  }
};

std::uint64_t published(std::uint32_t slot, ubc_resource resource, pid_t pid) {
  const auto done = bpf::publish_counts(pid);
  EXPECT_TRUE(done) << (done ? "" : done.error().message);
  return held(slot, resource);
}

std::string fresh_directory() {
  static int next = 0;
  const std::string path = "/tmp/ubc-gate-" + std::to_string(next++);
  (void)::mkdir(path.c_str(), 0777);
  (void)::chmod(path.c_str(), 0777);
  return path;
}

TEST(Numwatch, AWatchIsAllowedAtTheBarrierRefusedAboveItWithEnospcAndGivenBackAtOnce) {
  const std::uint32_t slot = fresh_slot(), other = fresh_slot();
  const std::string base = fresh_directory();
  for (int i = 0; i < 12; ++i) (void)::mkdir((base + "/" + std::to_string(i)).c_str(), 0777);
  limit(slot, UBC_NUMWATCH, 8, 20);
  limit(other, UBC_NUMWATCH, 8, 20);
  const auto watch = [&](int fd, int i) { return ::inotify_add_watch(fd, (base + "/" + std::to_string(i)).c_str(), IN_CREATE); };
  Standing standing{slot, [&] {
                      const int fd = ::inotify_init1(0);
                      int last = -1;
                      for (int i = 0; i < 8; ++i)
                        if ((last = watch(fd, i)) < 0) return 1;
                      if (watch(fd, 8) != -1 || errno != ENOSPC) return 2;
                      if (::inotify_rm_watch(fd, last) != 0 || watch(fd, 9) < 0) return 3;
                      if (watch(fd, 10) != -1 || errno != ENOSPC) return 4;
                      const int second = ::inotify_init1(0);
                      (void)::close(fd);
                      return watch(second, 1) >= 0 && watch(second, 2) >= 0 ? 0 : 5;
                    }};
  EXPECT_EQ(*standing.result, 1000);
  EXPECT_EQ(published(slot, UBC_NUMWATCH, standing.process.pid()), 2U);
  EXPECT_EQ(published(slot, UBC_NUMINOTIFY, 0), 1U);
  EXPECT_EQ(maxheld(slot, UBC_NUMWATCH), 8U);
  EXPECT_EQ(failcnt(slot, UBC_NUMWATCH), 2U);
  EXPECT_EQ(run_guest(other, [&] { return watch(::inotify_init1(0), 1) > 0 ? 0 : 1; }), 0);
  EXPECT_EQ(failcnt(other, UBC_NUMWATCH), 0U);
}

TEST(Numwatch, AGroupCapsTheSumOfWhatTheKernelCountsOfEach) {
  const std::uint32_t group = fresh_slot(), first = fresh_slot(), second = fresh_slot();
  for (const std::uint32_t slot : {first, second}) {
    const auto in_group = attached_ledger().join(slot, group);
    EXPECT_TRUE(in_group);
  }
  const std::string base = fresh_directory();
  for (int i = 0; i < 9; ++i) (void)::mkdir((base + "/" + std::to_string(i)).c_str(), 0777);
  limit(group, UBC_NUMWATCH, 6, 6);
  const auto watch = [&](int fd, int i) { return ::inotify_add_watch(fd, (base + "/" + std::to_string(i)).c_str(), IN_CREATE); };
  Standing a{first, [&] {
               const int fd = ::inotify_init1(0);
               for (int i = 0; i < 4; ++i)
                 if (watch(fd, i) < 0) return 1;
               return 0;
             }};
  EXPECT_EQ(*a.result, 1000);
  Standing b{second, [&] {
               const int fd = ::inotify_init1(0);
               if (watch(fd, 4) < 0 || watch(fd, 5) < 0) return 1;
               return watch(fd, 6) == -1 && errno == ENOSPC ? 0 : 2;
             }};
  EXPECT_EQ(*b.result, 1000);
  EXPECT_EQ(published(first, UBC_NUMWATCH, a.process.pid()), 4U);
  EXPECT_EQ(published(second, UBC_NUMWATCH, b.process.pid()), 2U);
  EXPECT_EQ(held(group, UBC_NUMWATCH), 6U);
  EXPECT_EQ(maxheld(group, UBC_NUMWATCH), 6U);
  EXPECT_EQ(failcnt(group, UBC_NUMWATCH), 1U);
  EXPECT_EQ(failcnt(second, UBC_NUMWATCH), 0U);
  a.process.kill();
  (void)a.process.wait();
  attached_ledger().clear_published(first);  // as stop does
  EXPECT_EQ(held(group, UBC_NUMWATCH), 2U);
  attached_ledger().reset_group(group);
  EXPECT_EQ(held(group, UBC_NUMWATCH), 2U) << "what its members hold";
}

TEST(Numwatch, APassedInstanceIsItsMakersUntilTheReceiverClosesIt) {
  const std::uint32_t slot = fresh_slot();
  Shared<std::atomic<int>> fd;
  Standing standing{slot, [&] {
                      const pid_t child = ::fork();
                      if (child == 0) {
                        const int made = ::inotify_init1(0);
                        (void)::inotify_add_watch(made, "/tmp", IN_CREATE);
                        *fd = made;  // from now on it may be killed
                        return ::pause();
                      }
                      while (*fd == 0) (void)::usleep(1000);
                      *fd = static_cast<int>(::syscall(SYS_pidfd_getfd, ::syscall(SYS_pidfd_open, child, 0), fd->load(), 0));
                      (void)::kill(child, SIGKILL);
                      return ::waitpid(child, nullptr, 0) == child ? 0 : 1;
                    }};
  ASSERT_EQ(*standing.result, 1000);
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, standing.process.pid(), 0));
  const int mine = static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, fd->load(), 0));
  ASSERT_GE(mine, 0);
  EXPECT_EQ(published(slot, UBC_NUMWATCH, 0), 1U);  // its maker was killed
  (void)::close(mine);
  EXPECT_EQ(published(slot, UBC_NUMWATCH, 0), 1U);
  (void)::close(pidfd);
}

TEST(Numinotify, WhileThereAreMoreThanTheBarrierNoneGetsAWatch) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_NUMINOTIFY, 2, 2);
  EXPECT_EQ(run_guest(slot,
                      [] {
                        const int first = ::inotify_init1(0), second = ::inotify_init1(0);
                        if (::inotify_add_watch(first, "/tmp", IN_CREATE) < 0 || ::inotify_add_watch(second, "/tmp", IN_CREATE) < 0)
                          return 1;
                        const int third = ::inotify_init1(0);
                        if (::inotify_add_watch(third, "/tmp", IN_CREATE) != -1 || errno != ENOSPC) return 2;
                        (void)::close(third);
                        return ::inotify_add_watch(first, "/", IN_CREATE) >= 0 ? 0 : 3;
                      }),
            0);
  EXPECT_EQ(failcnt(slot, UBC_NUMINOTIFY), 1U);
}

/// A child that makes a user namespace and stays. Its pid, or -1 and errno.
pid_t nested_namespace() {
  int result[2], error = 0;
  if (::pipe(result) != 0) return -1;
  const pid_t child = ::fork();
  if (child == 0) {
    error = ::unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
    (void)!::write(result[1], &error, sizeof error);
    (void)::pause();
  }
  (void)!::read(result[0], &error, sizeof error);
  (void)::close(result[0]);
  (void)::close(result[1]);
  if (error == 0) return child;
  (void)::kill(child, SIGKILL);
  (void)::waitpid(child, nullptr, 0);
  errno = error;
  return -1;
}

TEST(Numuserns, ANamespaceIsAllowedAtTheBarrierAndRefusedAboveItWithEnospc) {
  const std::uint32_t slot = fresh_slot(), other = fresh_slot();
  limit(slot, UBC_NUMUSERNS, 3, 10);
  limit(other, UBC_NUMUSERNS, 3, 10);
  Standing standing{slot, [&] {
                      const pid_t first = nested_namespace();
                      if (first < 0 || nested_namespace() < 0) return 1;
                      if (nested_namespace() != -1 || errno != ENOSPC) return 2;
                      (void)::kill(first, SIGKILL);
                      (void)::waitpid(first, nullptr, 0);
                      for (int tries = 0; tries < 500; ++tries) {  // freed by a worker of the kernel
                        if (nested_namespace() > 0) return 0;
                        (void)::usleep(10'000);
                      }
                      return 3;
                    }};
  EXPECT_EQ(*standing.result, 1000);
  EXPECT_EQ(published(slot, UBC_NUMUSERNS, standing.process.pid()), 3U);  // its own is one
  EXPECT_EQ(maxheld(slot, UBC_NUMUSERNS), 3U);
  EXPECT_GE(failcnt(slot, UBC_NUMUSERNS), 1U);
  EXPECT_EQ(run_guest(other, [] { return nested_namespace() > 0 ? 0 : 1; }), 0);
  EXPECT_EQ(failcnt(other, UBC_NUMUSERNS), 0U);
  EXPECT_EQ(run_in(slot, [] { return ::kill(-1, SIGKILL); }), 0);
}

int mount_tmpfs(const std::string& where) { return ::mount("tmpfs", where.c_str(), "tmpfs", 0, nullptr); }

/// open_tree() of `from` as a copy, attached at `to`.
int attach_copy(const char* from, const std::string& to, unsigned flags) {
  const int tree = static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags));
  if (tree < 0) return -1;
  const int done = static_cast<int>(::syscall(SYS_move_mount, tree, "", AT_FDCWD, to.c_str(), MOVE_MOUNT_F_EMPTY_PATH));
  const int error = errno;
  (void)::close(tree);
  errno = error;
  return done;
}

TEST(Nummount, AMountIsAllowedAtTheBarrierAndRefusedAboveItWithEnospc) {
  const std::uint32_t slot = fresh_slot();
  const std::string where = fresh_directory();
  Shared<std::uint64_t> start;
  EXPECT_EQ(run_guest(slot,
                      [&] {
                        if (mount_tmpfs(where) != 0) return 1;
                        *start = maxheld(slot, UBC_NUMMOUNT);  // the gate has seen what there is, and this one
                        limit(slot, UBC_NUMMOUNT, *start + 4, *start + 9);
                        for (int i = 0; i < 3; ++i)
                          if (mount_tmpfs(where) != 0) return 2;
                        if (attach_copy("/tmp", where, 0) != 0) return 3;
                        if (mount_tmpfs(where) != -1 || errno != ENOSPC) return 4;
                        if (attach_copy("/tmp", where, 0) != -1 || errno != ENOSPC) return 5;
                        if (::mount(nullptr, where.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_NODEV, nullptr) != 0) return 6;
                        if (::umount2(where.c_str(), MNT_DETACH) != 0 || mount_tmpfs(where) != 0) return 7;
                        if (::umount2(where.c_str(), MNT_DETACH) != 0) return 8;
                        // One place is free: no tree of two or more comes in, by either call.
                        if (attach_copy("/", where, AT_RECURSIVE) != -1 || errno != ENOSPC) return 9;
                        if (::mount("/", where.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != -1 || errno != ENOSPC) return 10;
                        return 0;
                      }),
            0);
  EXPECT_EQ(maxheld(slot, UBC_NUMMOUNT), *start + 4);
  EXPECT_EQ(failcnt(slot, UBC_NUMMOUNT), 4U);
}

int queue_signal(pid_t to, int signal) { return ::sigqueue(to, signal, sigval{.sival_int = 1}); }

void block_signals() {
  sigset_t all;
  (void)::sigfillset(&all);
  (void)::sigprocmask(SIG_BLOCK, &all, nullptr);
}

TEST(Numsiginfo, AQueuedSignalIsAllowedAtTheBarrierAndRefusedAboveItWithEagain) {
  const std::uint32_t slot = fresh_slot(), other = fresh_slot();
  limit(slot, UBC_NUMSIGINFO, 10, 20);
  limit(other, UBC_NUMSIGINFO, 10, 20);
  Standing standing{slot, [&] {
                      block_signals();
                      const pid_t self = ::getpid();
                      for (int i = 0; i < 10; ++i)
                        if (queue_signal(self, SIGRTMIN + i % 3) != 0) return 1;
                      if (queue_signal(self, SIGRTMIN) != -1 || errno != EAGAIN) return 2;
                      if (::kill(self, SIGTERM) != 0) return 3;  // goes over: a standard signal is delivered always
                      sigset_t set;
                      (void)::sigemptyset(&set);
                      (void)::sigaddset(&set, SIGRTMIN);
                      (void)::sigaddset(&set, SIGTERM);
                      for (int i = 0; i < 4; ++i)
                        if (::sigtimedwait(&set, nullptr, nullptr) < 0) return 4;
                      for (int i = 0; i < 3; ++i)
                        if (queue_signal(self, SIGRTMIN) != 0) return 5;
                      return queue_signal(self, SIGRTMIN) == -1 && errno == EAGAIN ? 0 : 6;
                    }};
  EXPECT_EQ(*standing.result, 1000);
  EXPECT_EQ(published(slot, UBC_NUMSIGINFO, standing.process.pid()), 10U);
  EXPECT_EQ(queue_signal(standing.process.pid(), SIGRTMIN), 0);  // the host's own is never refused
  EXPECT_EQ(failcnt(slot, UBC_NUMSIGINFO), 2U);
  EXPECT_EQ(run_guest(other,
                      [] {
                        block_signals();
                        return queue_signal(::getpid(), SIGRTMIN);
                      }),
            0);
  EXPECT_EQ(failcnt(other, UBC_NUMSIGINFO), 0U);
}

TEST(Numsiginfo, TheReceiverPaysAndTheKilledReceiverGivesBack) {
  const std::uint32_t slot = fresh_slot();
  limit(slot, UBC_NUMSIGINFO, 10, 10);
  Standing standing{slot, [&] {
                      const pid_t victim = ::fork();
                      if (victim == 0) {
                        block_signals();
                        return ::pause();
                      }
                      (void)::usleep(100'000);
                      int sent = 0;
                      while (queue_signal(victim, SIGRTMIN) == 0 && sent < 50) ++sent;
                      (void)::kill(victim, SIGKILL);
                      (void)::waitpid(victim, nullptr, 0);
                      return sent == 10 ? 0 : 1;
                    }};
  EXPECT_EQ(*standing.result, 1000);
  EXPECT_EQ(published(slot, UBC_NUMSIGINFO, standing.process.pid()), 0U);
  EXPECT_EQ(maxheld(slot, UBC_NUMSIGINFO), 10U);
}

}  // namespace
}  // namespace ubc::test

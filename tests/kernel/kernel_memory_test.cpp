// SPDX-License-Identifier: Apache-2.0
// kmemsize on a real kernel: what the memory controller says a container has, and the calls that are refused above its barrier.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>

#include "accounting/cgroup_knobs.h"
#include "tests/support/adopted_cgroup.h"
#include "tests/support/slot_process.h"

namespace ubc::test {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

class Kmemsize : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    attach_group(bpf::HookGroup::kernel_memory);
    std::ofstream{"/sys/fs/cgroup/cgroup.subtree_control"} << "+memory\n";
  }
};

/// A container that the memory controller knows: its processes are the slot's and in its cgroup.
class Guest {
 public:
  explicit Guest(const std::string& name) : cgroup{name}, name_{name} {
    EXPECT_TRUE(bpf::announce(slot, {.cgroup_id = cgroup.id(), .id = 100 + slot, .reserved = 0}));
  }
  ~Guest() { (void)bpf::announce(slot, {}); }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  [[nodiscard]] std::function<int()> inside(std::function<int()> body) const {
    return [this, body = std::move(body)] {
      cgroup.enter();
      return joined(slot, body)();
    };
  }
  int run(std::function<int()> body) const { return Process{inside(std::move(body))}.wait(); }
  /// As `ubctl show` reads them: reading makes the kernel sum up.
  [[nodiscard]] accounting::Snapshot counters() const {
    const auto directory = os::CgroupDir::open("/sys/fs/cgroup/" + name_);
    accounting::Snapshot now;
    accounting::merge_memory(now, accounting::read_memory(*directory).value());
    return now;
  }

  const std::uint32_t slot = fresh_slot();
  const Cgroup cgroup;

 private:
  std::string name_;
};

/// Forks children that wait, until one is refused. How many there are, and in errno why there are no more.
int fork_until_refused(int at_most) {
  int made = 0;
  for (pid_t pid = 0; made < at_most; ++made) {
    pid = ::fork();
    if (pid == 0) {
      (void)::pause();
      ::_exit(0);
    }
    if (pid < 0) break;
  }
  return made;
}

int reap_all() {
  (void)::signal(SIGTERM, SIG_IGN);
  (void)::kill(-1, SIGKILL);
  while (::wait(nullptr) > 0 || errno == EINTR) {
  }
  return 0;
}

TEST_F(Kmemsize, AForkStormIsRefusedWithEnomemAndAForkPassesAgainOnceItsMemoryIsBack) {
  const Guest guest{"kmem-storm"}, other{"kmem-other"};
  limit(guest.slot, UBC_KMEMSIZE, 3 * kMiB, 4 * kMiB);
  limit(other.slot, UBC_KMEMSIZE, 3 * kMiB, 4 * kMiB);
  struct Seen {
    int made = 0;
    std::atomic<int> error = 0;
  };
  Shared<Seen> seen;
  Process storm{guest.inside([&] {
    seen->made = fork_until_refused(2000);
    seen->error = errno;
    return ::pause();
  })};
  for (int tries = 0; tries < 3000 && seen->error == 0; ++tries) (void)::usleep(10'000);
  EXPECT_GT(seen->made, 5);
  EXPECT_LT(seen->made, 2000);
  EXPECT_EQ(seen->error, ENOMEM);
  const std::uint64_t truly = guest.counters().of(UBC_KMEMSIZE).held;
  EXPECT_GE(failcnt(guest.slot, UBC_KMEMSIZE), 1U);
  EXPECT_EQ(other.run([] { return fork_until_refused(3) == 3 ? reap_all() : 1; }), 0);
  EXPECT_EQ(failcnt(other.slot, UBC_KMEMSIZE), 0U);
  std::printf("kmemsize: %d forks reached %.2f MiB at a barrier of 3\n", seen->made, static_cast<double>(truly) / kMiB);
  guest.cgroup.write("cgroup.kill", "1");
  (void)storm.wait();
  EXPECT_EQ(settled(guest.slot, UBC_NUMPROC, 0), 0U);
  EXPECT_EQ(guest.run([] {
    for (int tries = 0; tries < 500; ++tries, (void)::usleep(10'000))
      if (const pid_t child = ::fork(); child == 0)
        ::_exit(0);
      else if (child > 0)
        return ::waitpid(child, nullptr, 0) == child ? 0 : 2;
    return 1;
  }),
            0);
}

/// What each call that takes kernel memory answers.
struct Answers {
  int fork = 0, open = 0, pipe = 0, socket = 0, mmap = 0, message = 0, mount = 0;
};

int answer(bool done) { return done ? 0 : errno; }

int try_fork() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  const int said = answer(child > 0);
  while (child > 0 && ::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return said;
}

void try_all(int queue, Answers& answers) {
  answers.fork = try_fork();
  int ends[2] = {-1, -1};
  const int file = ::open("/dev/null", O_RDONLY);
  answers.open = answer(file >= 0);
  answers.pipe = answer(::pipe(ends) == 0);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  answers.socket = answer(socket >= 0);
  for (const int fd : {file, ends[0], ends[1], socket})
    if (fd >= 0) (void)::close(fd);
  void* memory = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  answers.mmap = answer(memory != MAP_FAILED);
  if (memory != MAP_FAILED) (void)::munmap(memory, 4096);
  const struct {
    long type;
    char text[8];
  } message{1, "hello"};
  answers.message = answer(::msgsnd(queue, &message, sizeof message.text, IPC_NOWAIT) == 0);
  answers.mount = answer(::mount("tmpfs", "/tmp", "tmpfs", 0, nullptr) == 0);
  if (answers.mount == 0) (void)::umount2("/tmp", MNT_DETACH);
}

TEST_F(Kmemsize, EachCallThatTakesKernelMemoryIsLetGoBelowTheBarrierAndRefusedAboveItWithItsErrno) {
  const Guest guest{"kmem-calls"};
  Shared<Answers> below, above, raised;
  EXPECT_EQ(guest.run([&] {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC) != 0) return 1;
    const int queue = ::msgget(IPC_PRIVATE, 0600);
    limit(guest.slot, UBC_KMEMSIZE, 64 * kMiB, 64 * kMiB);
    try_all(queue, *below);
    limit(guest.slot, UBC_KMEMSIZE, 1, 64 * kMiB);
    try_all(queue, *above);
    limit(guest.slot, UBC_KMEMSIZE, 64 * kMiB, 1);   // both numbers hold
    if (try_fork() != ENOMEM) return 2;
    limit(guest.slot, UBC_KMEMSIZE, UBC_UNLIMITED, UBC_UNLIMITED);
    try_all(queue, *raised);
    return 0;
  }),
            0);
  for (const Answers* granted : {&*below, &*raised}) {
    EXPECT_EQ(granted->fork, 0);
    EXPECT_EQ(granted->open, 0);
    EXPECT_EQ(granted->pipe, 0);
    EXPECT_EQ(granted->socket, 0);
    EXPECT_EQ(granted->mmap, 0);
    EXPECT_EQ(granted->message, 0);
    EXPECT_EQ(granted->mount, 0);
  }
  EXPECT_EQ(above->fork, ENOMEM);
  EXPECT_EQ(above->open, ENOMEM);
  // Where its inode is what can be refused, pipe() has one word for whatever is wrong.
  EXPECT_EQ(above->pipe, bpf::probe_kernel().lsm_file_alloc.present ? ENOMEM : ENFILE);
  EXPECT_EQ(above->socket, ENOBUFS);
  EXPECT_EQ(above->mmap, ENOMEM);
  EXPECT_EQ(above->message, ENOMEM);
  EXPECT_EQ(above->mount, ENOMEM);
  EXPECT_EQ(failcnt(guest.slot, UBC_KMEMSIZE), 8U);
  EXPECT_EQ(settled(guest.slot, UBC_NUMFILE, 0), 0U) << "a refused file is not kept in the books";
  EXPECT_EQ(settled(guest.slot, UBC_NUMOTHERSOCK, 0), 0U);
}

TEST_F(Kmemsize, TheLedgersWordIsTheControllersWithoutWhatTheKernelCanTakeBack) {
  const Guest guest{"kmem-word"};
  limit(guest.slot, UBC_KMEMSIZE, 64 * kMiB, 64 * kMiB);
  struct Seen {
    std::uint64_t word = 0, kept = 0, cached = 0;
  };
  Shared<Seen> seen;
  EXPECT_EQ(guest.run([&] {
    if (fork_until_refused(20) != 20) return 1;
    for (int i = 0; i < 3000; ++i) (void)::access(("/proc/self/task/" + std::to_string(1'000'000 + i)).c_str(), F_OK);
    (void)::usleep(200'000);
    const accounting::Snapshot now = guest.counters();
    seen->kept = now.of(UBC_KMEMSIZE).held;
    seen->cached = now.of(UBC_DCACHESIZE).held;
    (void)::usleep(200'000);
    if (::open("/dev/null", O_RDONLY) < 0) return 2;   // the gate looks
    seen->word = held(guest.slot, UBC_KMEMSIZE);
    return 0;
  }),
            0);
  EXPECT_GT(seen->kept, 20U * 16384);
  EXPECT_GT(seen->cached, 0U);
  EXPECT_NEAR(static_cast<double>(seen->word), static_cast<double>(seen->kept), 256 * 1024.0);
  guest.cgroup.write("cgroup.kill", "1");
  EXPECT_EQ(settled(guest.slot, UBC_NUMPROC, 0), 0U);
}

TEST_F(Kmemsize, AGroupRefusesForTheSumOfItsMembersAndCountsTheFailure) {
  const std::uint32_t group = fresh_slot();
  const Cgroup above{"kmem-group"};
  above.write("cgroup.subtree_control", "+memory");
  const Guest first{"kmem-group/a"}, second{"kmem-group/b"};
  for (const std::uint32_t slot : {first.slot, second.slot}) ASSERT_TRUE(attached_ledger().join(slot, group));
  limit(group, UBC_KMEMSIZE, 2 * kMiB, 2 * kMiB);
  Shared<std::atomic<int>> made;
  Process standing{first.inside([&] {
    *made = 1000 + fork_until_refused(2000);
    return ::pause();
  })};
  for (int tries = 0; tries < 3000 && *made == 0; ++tries) (void)::usleep(10'000);
  EXPECT_GT(*made, 1000);
  EXPECT_LT(*made, 3000);
  EXPECT_EQ(second.run([] { return try_fork(); }), ENOMEM);
  EXPECT_GE(failcnt(group, UBC_KMEMSIZE), 2U);
  EXPECT_EQ(failcnt(first.slot, UBC_KMEMSIZE), 0U);
  EXPECT_EQ(failcnt(second.slot, UBC_KMEMSIZE), 0U);
  first.cgroup.write("cgroup.kill", "1");
  (void)standing.wait();
  EXPECT_EQ(settled(first.slot, UBC_NUMPROC, 0), 0U);
}

TEST_F(Kmemsize, WhoHasNoNumberIsNotLookedAt) {
  const Guest guest{"kmem-none"};
  EXPECT_EQ(guest.run([] { return try_fork(); }), 0);
  EXPECT_EQ(held(guest.slot, UBC_KMEMSIZE), 0U);
  EXPECT_EQ(maxheld(guest.slot, UBC_KMEMSIZE), 0U);
}

}  // namespace
}  // namespace ubc::test

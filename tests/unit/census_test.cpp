// SPDX-License-Identifier: Apache-2.0
// The census by /proc: on a made-up world for the rules, and on a process of our own for what the kernel really says.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "accounting/census.h"

namespace ubc::accounting {
namespace {

namespace fs = std::filesystem;

/// A cgroup tree and a /proc below one temporary directory.
class World {
 public:
  World() {
    char name[] = "/tmp/ubc-census.XXXXXX";
    root_ = ::mkdtemp(name);
    fs::create_directories(root_ / "cgroup/inner");
    write("cgroup/cgroup.procs", "");
    write("cgroup/inner/cgroup.procs", "");
  }
  ~World() { fs::remove_all(root_); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream{root_ / path} << text;
  }
  void process(pid_t pid, int threads, int data_kib, int stack_kib) const {
    const std::string base = "proc/" + std::to_string(pid);
    for (int i = 0; i < threads; ++i) fs::create_directories(root_ / base / "task" / std::to_string(pid + i));
    write(base + "/status", "Name:\tx y\nVmPeak:\t 99999 kB\nVmData:\t " + std::to_string(data_kib) + " kB\nVmStk:\t " +
                                std::to_string(stack_kib) + " kB\nVmExe:\t 7 kB\n");
  }
  void descriptor(pid_t pid, int fd, const std::string& target) const {
    const fs::path directory = root_ / "proc" / std::to_string(pid) / "fd";
    fs::create_directories(directory);
    fs::create_symlink(target, directory / std::to_string(fd));
  }
  std::string cgroup() const { return root_ / "cgroup"; }
  ProcView view() const {
    ProcView view = ProcView::of_this_host();
    view.proc = root_ / "proc";
    // Descriptor n of every process is the same file; 300 and 301 share their memory.
    view.compare_files = [](const OpenFile& a, const OpenFile& b) { return a.fd - b.fd; };
    view.compare_memory = [](pid_t a, pid_t b) { return a / 10 - b / 10; };
    view.protocol_of = [](const OpenFile& file) { return file.fd == 7 ? "TCPv6" : "UNIX-STREAM"; };
    return view;
  }

 private:
  fs::path root_;
};

TEST(Census, CountsThreadsFilesSocketsAndMemoryOfTheCgroupAndOfThoseBelowItEachOnce) {
  const World world;
  world.process(300, 3, 400, 40);
  world.process(301, 1, 400, 40);   // shares the memory
  world.process(500, 2, 400, 40);   // the same size, its own
  world.process(600, 5, 8000, 80);  // of nobody's cgroup
  world.write("cgroup/cgroup.procs", "300\n301\n");
  world.write("cgroup/inner/cgroup.procs", "500\n");
  world.descriptor(300, 0, "/dev/null");
  world.descriptor(301, 0, "/dev/null");   // the same file, by fork
  world.descriptor(301, 1, "/dev/null");   // opened again
  world.descriptor(500, 7, "socket:[11]");
  world.descriptor(300, 8, "socket:[12]");
  world.descriptor(600, 3, "/dev/zero");
  const auto census = take_census(world.cgroup(), world.view());
  ASSERT_TRUE(census) << census.error().message;
  EXPECT_EQ(census->numproc, 6U);
  EXPECT_EQ(census->numfile, 4U);
  EXPECT_EQ(census->numtcpsock, 1U);
  EXPECT_EQ(census->numothersock, 1U);
  EXPECT_EQ(census->privvmpages, 110U + 110U);
}

TEST(Census, AProcessThatEndsMeanwhileIsNoFailureAndAMissingCgroupIs) {
  const World world;
  world.write("cgroup/cgroup.procs", "300\n");
  const auto census = take_census(world.cgroup(), world.view());
  ASSERT_TRUE(census) << census.error().message;
  EXPECT_EQ(census->numproc + census->numfile + census->privvmpages, 0U);
  EXPECT_FALSE(take_census(world.cgroup() + "/nowhere", world.view()));
}

TEST(Census, RaisesMaxheldOfASnapshotAndNeverLowersIt) {
  Snapshot snapshot;
  snapshot.of(UBC_NUMFILE).maxheld = 50;
  merge_census(snapshot, {.numproc = 2, .numfile = 7, .numtcpsock = 3, .numothersock = 4, .privvmpages = 900});
  EXPECT_EQ(snapshot.of(UBC_NUMPROC).held, 2U);
  EXPECT_EQ(snapshot.of(UBC_NUMPROC).maxheld, 2U);
  EXPECT_EQ(snapshot.of(UBC_NUMFILE).held, 7U);
  EXPECT_EQ(snapshot.of(UBC_NUMFILE).maxheld, 50U);
  EXPECT_EQ(snapshot.of(UBC_NUMTCPSOCK).held, 3U);
  EXPECT_EQ(snapshot.of(UBC_NUMOTHERSOCK).held, 4U);
  EXPECT_EQ(snapshot.of(UBC_PRIVVMPAGES).held, 900U);
}

TEST(Census, OfARealProcessTellsADuplicateFromASecondOpenAndTcpFromTheRest) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int out = ::fcntl(ready[1], F_DUPFD, 100);
    (void)::close_range(0, 99, 0);
    (void)::close_range(static_cast<unsigned>(out) + 1, ~0U, 0);
    (void)::open("/dev/null", O_RDONLY);                // 0
    (void)::open("/dev/null", O_RDONLY);                // 1: another
    (void)::dup(0);                                     // 2: the same
    (void)::socket(AF_INET, SOCK_STREAM, 0);            // 3: neither bound nor connected
    int ends[2];
    (void)::socketpair(AF_UNIX, SOCK_STREAM, 0, ends);  // 4, 5
    (void)::write(out, "x", 1);
    (void)::close(out);
    (void)::pause();
  }
  (void)::close(ready[1]);
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(::read(ready[0], &byte, 1), 0);   // its end is closed
  const World world;
  world.write("cgroup/cgroup.procs", std::to_string(pid) + "\n");
  const auto census = take_census(world.cgroup());
  const std::filesystem::directory_iterator tasks{"/proc/" + std::to_string(pid) + "/task"};  // ThreadSanitizer has one of its own in it
  const auto threads = static_cast<std::uint64_t>(std::distance(begin(tasks), end(tasks)));
  (void)::kill(pid, SIGKILL);
  (void)::waitpid(pid, nullptr, 0);
  (void)::close(ready[0]);
  ASSERT_TRUE(census) << census.error().message;
  EXPECT_EQ(census->numproc, threads);
  EXPECT_EQ(census->numfile, 5U);
  EXPECT_EQ(census->numtcpsock, 1U);
  EXPECT_EQ(census->numothersock, 2U);
  EXPECT_GT(census->privvmpages, 10U);
}

}  // namespace
}  // namespace ubc::accounting

// SPDX-License-Identifier: Apache-2.0
// A cgroup that runs already, adopted as container/adoption does it: freeze, map, count, thaw.
#pragma once

#include <errno.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>

#include "bpf/adopted_cgroups.h"
#include "tests/support/slot_process.h"

namespace ubc::test {

/// A cgroup for one test. Whatever is in it dies with it.
class Cgroup {
 public:
  explicit Cgroup(const std::string& name) : path_{"/sys/fs/cgroup/" + name} { (void)::mkdir(path_.c_str(), 0755); }
  ~Cgroup() {
    write("cgroup.freeze", "0");
    write("cgroup.kill", "1");
    for (int tries = 0; tries < 200 && ::rmdir(path_.c_str()) != 0 && errno == EBUSY; ++tries) (void)::usleep(50'000);
  }
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;
  void enter() const { write("cgroup.procs", "0"); }
  void write(const char* file, const char* text) const { std::ofstream{path_ + "/" + file} << text << "\n"; }
  std::uint64_t id() const {
    struct stat seen{};
    (void)::stat(path_.c_str(), &seen);
    return seen.st_ino;
  }
  bool freeze() const {
    write("cgroup.freeze", "1");
    for (int tries = 0; tries < 3000; ++tries) {
      std::ifstream events{path_ + "/cgroup.events"};
      for (std::string line; std::getline(events, line);)
        if (line == "frozen 1") return true;
      (void)::usleep(10'000);
    }
    return false;
  }
  void thaw() const { write("cgroup.freeze", "0"); }

 private:
  std::string path_;
};

/// Freeze, map, count, thaw; what `frozen` sees is what the census must have seen.
inline void adopt(const Cgroup& cgroup, std::uint32_t slot, std::uint32_t paid_so_far = 0, const std::function<void()>& frozen = [] {}) {
  bpf::Ledger& ledger = attached_ledger();
  ASSERT_TRUE(cgroup.freeze());
  const auto mapped = bpf::map_cgroup(bpf::kPinDirectory, cgroup.id(), slot);
  ASSERT_TRUE(mapped) << mapped.error().message;
  const auto counted = bpf::take_census(bpf::kPinDirectory, ledger, slot, paid_so_far);
  ASSERT_TRUE(counted) << counted.error().message;
  frozen();
  cgroup.thaw();
}

inline void release(const Cgroup& cgroup, std::uint32_t slot) {
  ASSERT_TRUE(cgroup.freeze());
  const auto forgotten = bpf::forget_slot(bpf::kPinDirectory, slot);
  ASSERT_TRUE(forgotten) << forgotten.error().message;
  cgroup.thaw();
}

/// What this process holds besides what it was forked with, told by two bytes: ready, go.
struct Talk {
  std::atomic<int> ready = 0;
  std::atomic<bool> go = false;
  int errnos[4] = {};
  int made = 0;
};

inline void await(const std::atomic<int>& value, int want) {
  for (int tries = 0; tries < 12000 && value.load() < want; ++tries) (void)::usleep(5'000);
  ASSERT_GE(value.load(), want);
}

/// Replaces what was inherited, so that no file is shared with the test program: descriptors all closed, and mapped files counted by the
/// caller.
inline void close_inherited() { (void)::close_range(0, ~0U, 0); }

/// Each file that a process maps is open once, and so is each BPF map: those share an inode.
inline std::uint64_t mapped_files(pid_t pid) {
  std::ifstream maps{"/proc/" + std::to_string(pid) + "/maps"};
  std::set<std::string> seen;
  std::uint64_t bpf_maps = 0;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields{line};
    std::string range, access, offset, device, inode;
    fields >> range >> access >> offset >> device >> inode;
    if (line.contains("anon_inode:"))
      ++bpf_maps;
    else if (inode != "0")
      seen.insert(device + " " + inode);
  }
  return seen.size() + bpf_maps;
}

}  // namespace ubc::test

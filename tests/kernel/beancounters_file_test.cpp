// SPDX-License-Identifier: Apache-2.0
// The table that the kernel prints is the table that ubctl prints, byte for byte, and shows nobody another's rows.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "accounting/user_beancounters.h"
#include "os/fd.h"
#include "os/text_file.h"
#include "tests/support/slot_process.h"

namespace ubc::test {
namespace {

const std::string kAll = std::string{bpf::kPinDirectory} + "/" + bpf::kAllBeancounters;
const std::string kOwn = std::string{bpf::kPinDirectory} + "/" + bpf::kOwnBeancounters;

accounting::ContainerSnapshot snapshot_of(std::uint32_t slot, std::uint32_t id) {
  accounting::ContainerSnapshot seen{id, {}};
  for (const accounting::ResourceInfo& info : accounting::kResources) {
    const ubc_counter c = attached_ledger().read(slot, info.resource);
    seen.snapshot.of(info.resource) = {c.held, c.maxheld, c.barrier, c.limit, c.failcnt};
  }
  return seen;
}

/// Announced for as long as it lives. The cgroup is nobody's: memory comes from the ledger.
class Announced {
 public:
  Announced(std::uint32_t slot, std::uint32_t id) : slot_{slot} {
    EXPECT_TRUE(bpf::announce(slot, {.cgroup_id = ~0ULL, .id = id, .reserved = 0}));
  }
  ~Announced() { (void)bpf::announce(slot_, {}); }
  Announced(const Announced&) = delete;
  Announced& operator=(const Announced&) = delete;

 private:
  std::uint32_t slot_;
};

/// As a process of the slot reads it: the file is opened here, as a guest's is by its mount.
std::string read_in(std::uint32_t slot, const std::string& path) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return "no pipe";
  const os::Fd file{::open(path.c_str(), O_RDONLY)};
  (void)run_in(slot, [&] {
    std::array<char, 16384> text{};
    ssize_t got;
    while ((got = ::read(file.get(), text.data(), text.size())) > 0) (void)!::write(ends[1], text.data(), static_cast<std::size_t>(got));
    return 0;
  });
  (void)::close(ends[1]);
  const os::Fd end{ends[0]};
  std::string all(32768, '\0');
  all.resize(static_cast<std::size_t>(std::max<ssize_t>(::read(end.get(), all.data(), all.size()), 0)));
  return all;
}

TEST(BeancountersFile, IsWhatUbctlPrintsByteForByte) {
  (void)attached_ledger();
  const std::uint32_t slot = fresh_slot(), other = fresh_slot();
  limit(slot, UBC_NUMFILE, 100, 120);
  limit(slot, UBC_NUMPROC, 1, 1);
  EXPECT_NE(run_in(slot, [] { return ::fork() < 0 ? 7 : 0; }), 0) << "a refusal, for failcnt";
  (void)settled(slot, UBC_NUMPROC, 0);
  (void)settled(slot, UBC_NUMFILE, 0);
  const Announced first{slot, 101}, second{other, 4000000000};
  const auto text = os::read_text(kAll);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, accounting::user_beancounters({snapshot_of(slot, 101), snapshot_of(other, 4000000000)}));
  EXPECT_EQ(failcnt(slot, UBC_NUMPROC), 1U);
}

TEST(BeancountersFile, ListsNobodyWhoIsNotAnnounced) {
  (void)attached_ledger();
  {
    const Announced gone{fresh_slot(), 7};
  }
  const auto text = os::read_text(kAll);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, accounting::user_beancounters({}));
}

TEST(BeancountersFile, ManyContainersComeInFullThroughSmallBuffers) {
  (void)attached_ledger();
  std::vector<accounting::ContainerSnapshot> expected;
  const std::uint32_t first = fresh_slot();
  constexpr std::uint32_t kMany = 300;
  for (std::uint32_t slot = first; slot < first + kMany; ++slot) {
    ASSERT_TRUE(bpf::announce(slot, {.cgroup_id = ~0ULL, .id = slot + 1000, .reserved = 0}));
    expected.push_back(snapshot_of(slot, slot + 1000));
  }
  const auto text = os::read_text(kAll);
  for (std::uint32_t slot = first; slot < first + kMany; ++slot) (void)bpf::announce(slot, {});
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, accounting::user_beancounters(expected));
}

TEST(BeancountersFile, AGuestSeesItsOwnRowsOnly) {
  (void)attached_ledger();
  const std::uint32_t slot = fresh_slot(), other = fresh_slot();
  limit(slot, UBC_NUMFILE, 55, 66);
  const Announced first{slot, 101}, second{other, 102};
  const std::string text = read_in(slot, kOwn);
  EXPECT_NE(text.find("\n      101:  kmemsize"), std::string::npos) << text;
  EXPECT_NE(text.find("                   55                   66 "), std::string::npos) << text;
  EXPECT_EQ(text.find("102:"), std::string::npos) << text;
  EXPECT_EQ(std::ranges::count(text, '\n'), 2 + accounting::kClassicRows);
  const auto of_host = os::read_text(kOwn);
  ASSERT_TRUE(of_host) << of_host.error().message;
  EXPECT_EQ(*of_host, accounting::user_beancounters({})) << "the host is no container";
}

}  // namespace
}  // namespace ubc::test

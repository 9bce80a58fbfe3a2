// SPDX-License-Identifier: Apache-2.0
// ubc-hook-bench: what the hooks cost. The same operations without programs, with empty programs at the same places, and with ours, by a
// process of the host, of a guest, of an adopted cgroup, of the host beside that, of a guest beside 1,000 others, and of one with every
// group of hooks attached. All in one boot; it reports and exits 0. ubc-hook-bench [PLACE|OPERATION...]: host, guest, adopted, bystander,
// crowd, limited; open+close and so on; all of a kind of which none is named. Needs root and a machine without containers: it takes hooks
// off that it finds.
#include <fcntl.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "bench/empty_hooks.h"
#include "bench/report.h"
#include "bpf/adopted_cgroups.h"
#include "bpf/attached_hooks.h"
#include "bpf/kernel_support.h"
#include "os/process.h"
#include "os/text_file.h"
#include "tests/support/slot_process.h"

namespace ubc::bench {
namespace {

constexpr std::uint32_t kGuestSlot = 1, kAdoptedSlot = 2, kFirstOfCrowd = 3, kCrowd = 1000;
constexpr unsigned kProcesses = 3;   ///< that measure a world one after the other: what one finds in the kernel's caches is luck
constexpr const char* kCgroup = "/sys/fs/cgroup/ubc-hook-bench";
constexpr std::uint64_t kLimit = 1'000'000;   // of each resource: there to be compared with, never met
constexpr std::uint64_t kAmple = 1ULL << 40;   // likewise, of bytes too

using Wanted = std::set<std::string>;   ///< places and operations to measure, by name

/// A container that lives: some files, some memory, one process.
int live() {
  for (int i = 0; i < 5; ++i)
    if (::open("/dev/null", O_RDONLY) < 0) return 1;
  for (;;) (void)::pause();
}

/// 1,000 other containers, each with one process.
class Crowd {
 public:
  Crowd() {
    members_.reserve(kCrowd);
    for (std::uint32_t i = 0; i < kCrowd; ++i) members_.push_back(std::make_unique<test::Process>(test::joined(kFirstOfCrowd + i, live)));
    (void)::sleep(1);
  }

 private:
  std::vector<std::unique_ptr<test::Process>> members_;
};

/// The measuring process, told by the name of its place where to measure, and what by the names of operations. It is a new program image,
/// so that every world measures with the same address space. Prints a line "operation nanoseconds" for each round.
int measure_here(std::string_view place, const Wanted& wanted) {
  const auto all = [&] {
    for (std::size_t i = 0; i < operations().size(); ++i) {
      if (!wanted.contains(std::string{operations()[i].name})) continue;
      const auto rounds = measure(operations()[i]);
      if (!rounds) return 1;
      for (const double round : *rounds) std::printf("%zu %.1f\n", i, round);
    }
    return std::fflush(stdout) == 0 ? 0 : 1;
  };
  const bool in_cgroup = place == name_of(Place::adopted) || place == name_of(Place::limited);
  if (in_cgroup && !os::write_knob(std::string{kCgroup} + "/cgroup.procs", "0")) return 1;
  if (place == name_of(Place::adopted)) return all();
  return place == name_of(Place::host) || place == name_of(Place::bystander) ? all() : test::guest(kGuestSlot, all)();
}

Result<std::string> run_measurement(Place place, const Wanted& wanted) {
  os::Pipe pipe = UBC_TRY(os::Pipe::make());
  const std::string name{name_of(place)};
  test::Process child{[&] {
    (void)::personality(ADDR_NO_RANDOMIZE);
    if (::dup2(pipe.write_end.get(), STDOUT_FILENO) < 0) return 1;
    std::vector<const char*> argv{"ubc-hook-bench", "--measure", name.c_str()};
    for (const std::string& word : wanted) argv.push_back(word.c_str());
    argv.push_back(nullptr);
    (void)::execv("/proc/self/exe", const_cast<char* const*>(argv.data()));
    return 1;
  }};
  pipe.write_end = os::Fd{};
  std::string text;
  char buffer[512];
  for (ssize_t got = 0; (got = ::read(pipe.read_end.get(), buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(got));
  if (const int status = child.wait(); status != 0)
    return os::error(Code::system, "the process that measures {} ended with {}", name, status);
  return text;
}

/// Limits for all. The ledger is mapped only here and below: a mapping would make each fork dearer.
Result<> limit_containers() {
  bpf::Ledger ledger = UBC_TRY(bpf::Ledger::open());
  for (std::uint32_t slot = kGuestSlot; slot < kFirstOfCrowd + kCrowd; ++slot)
    for (const ubc_resource resource :
         {UBC_NUMPROC, UBC_PRIVVMPAGES, UBC_NUMFILE, UBC_NUMTCPSOCK, UBC_NUMOTHERSOCK, UBC_LOCKEDPAGES, UBC_SHMPAGES})
      ledger.set_limits(slot, resource, kLimit, kLimit);
  return {};
}

/// Only for the place that needs it: while no cgroup is mapped the hooks skip that look-up.
Result<> map_cgroup(bool mapped) {
  struct stat seen{};
  if (::stat(kCgroup, &seen) != 0) return os::sys_error(errno, "look at", kCgroup);
  return mapped ? bpf::map_cgroup(bpf::kPinDirectory, seen.st_ino, kAdoptedSlot) : bpf::unmap_cgroup(bpf::kPinDirectory, seen.st_ino);
}

/// All groups' hooks, and the guest's cgroup known to those that look at it: the last place, for they stay.
Result<> limit_all(const bpf::HookPlan& plan) {
  struct stat seen{};
  if (::stat(kCgroup, &seen) != 0) return os::sys_error(errno, "look at", kCgroup);
  UBC_TRY(bpf::announce(kGuestSlot, {.cgroup_id = seen.st_ino, .id = 101, .reserved = 0}));
  bpf::Ledger ledger = UBC_TRY(bpf::Ledger::open());
  for (unsigned resource = 0; resource < UBC_RESOURCES; ++resource)
    ledger.set_limits(kGuestSlot, static_cast<ubc_resource>(resource), kAmple, kAmple);
  for (const bpf::HookGroup group : bpf::kHookGroups)
    if (group != bpf::HookGroup::always) UBC_TRY(bpf::attach_group(plan, group, kCgroup));
  return {};
}

Result<> measure_world(Figures& figures, Programs programs, Place place, const Wanted& wanted) {
  std::optional<Crowd> crowd;
  if (place == Place::crowd) crowd.emplace();
  const bool maps = programs == Programs::ours && (place == Place::adopted || place == Place::bystander);
  if (maps) UBC_TRY(map_cgroup(true));
  std::vector<std::vector<double>> rounds(operations().size());
  for (unsigned process = 0; process < kProcesses; ++process) {
    std::istringstream text{UBC_TRY(run_measurement(place, wanted))};
    std::size_t operation = 0;
    for (double round = 0; text >> operation >> round;) rounds.at(operation).push_back(round);
  }
  if (maps) UBC_TRY(map_cgroup(false));
  for (std::size_t i = 0; i < rounds.size(); ++i)
    if (!rounds[i].empty()) figures[{programs, place, i}] = figure_of(std::move(rounds[i]));
  return {};
}

Result<> measure_places(Figures& figures, Programs programs, const bpf::HookPlan& plan, const Wanted& wanted) {
  for (const Place place : kPlaces) {
    if (!wanted.contains(std::string{name_of(place)})) continue;
    std::vector<EmptyHooks> more;   // of the groups whose places nothing of ours passes otherwise
    if (programs == Programs::empty && place == Place::limited)
      for (const bpf::HookGroup group : {bpf::HookGroup::locks, bpf::HookGroup::signals})
        more.push_back(UBC_TRY(EmptyHooks::attach(plan, group)));
    if (programs == Programs::ours && place == Place::limited) UBC_TRY(limit_all(plan));
    std::fprintf(stderr, "measuring: programs %s, place %s\n", name_of(programs).data(), name_of(place).data());
    UBC_TRY(measure_world(figures, programs, place, wanted));
  }
  return {};
}

Result<> measure_ours(Figures& figures, const bpf::HookPlan& plan, const Wanted& wanted) {
  const auto memory = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  UBC_TRY(
      bpf::attach_hooks(plan, {.uid_base = test::kUidBase, .object_bits = bpf::object_bits_for(memory), .fork_errno = 12, .names = {}}));
  UBC_TRY(limit_containers());
  UBC_TRY(measure_places(figures, Programs::ours, plan, wanted));
  return bpf::detach_hooks();
}

Result<> measure_all(Figures& figures, const bpf::HookPlan& plan, const Wanted& wanted) {
  UBC_TRY(os::write_knob("/sys/fs/cgroup/cgroup.subtree_control", "+memory"));
  if (::mkdir(kCgroup, 0755) != 0 && errno != EEXIST) return os::sys_error(errno, "make directory", kCgroup);
  for (const std::string_view module : bpf::modules_of(bpf::HookGroup::netfilter))
    (void)std::system(fmt::format("modprobe -q {}", module).c_str());
  UBC_TRY(bpf::detach_hooks());
  UBC_TRY(measure_places(figures, Programs::none, plan, wanted));
  {
    const EmptyHooks empty = UBC_TRY(EmptyHooks::attach(plan, bpf::HookGroup::always));
    UBC_TRY(measure_places(figures, Programs::empty, plan, wanted));
  }
  (void)::sleep(1);   // the kernel frees programs after a grace period
  UBC_TRY(measure_ours(figures, plan, wanted));
  (void)::rmdir(kCgroup);
  return {};
}

/// Adds all places where none is named, and all operations likewise.
Wanted completed(Wanted wanted) {
  Wanted places, names;
  for (const Place place : kPlaces) places.emplace(name_of(place));
  for (const Operation& operation : operations()) names.emplace(operation.name);
  for (Wanted* kind : {&places, &names})
    if (std::ranges::none_of(*kind, [&](const std::string& word) { return wanted.contains(word); })) wanted.merge(*kind);
  return wanted;
}

int run(const Wanted& wanted) {
  const bpf::KernelSupport seen = bpf::probe_kernel();
  const bpf::HookPlan plan = bpf::decide_hooks(seen, true);
  Figures figures;
  if (const auto measured = measure_all(figures, plan, wanted); !measured) {
    std::fprintf(stderr, "ubc-hook-bench: %s\n", measured.error().message.c_str());
    (void)bpf::detach_hooks();
    return 1;
  }
  print_report(figures, seen.release);
  return 0;
}

}  // namespace
}  // namespace ubc::bench

int main(int argc, char** argv) {
  if (argc >= 3 && std::strcmp(argv[1], "--measure") == 0) return ubc::bench::measure_here(argv[2], {argv + 3, argv + argc});
  return ubc::bench::run(ubc::bench::completed({argv + 1, argv + argc}));
}

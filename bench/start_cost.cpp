// SPDX-License-Identifier: Apache-2.0
// ubc-start-bench: what a start and an exec cost, beside crun and unshare in one boot, each as the person sees it: from fork until the
// command and all that it left running have ended. Run in the world that start_world.sh makes; it reports and exits 0, or 1 where a
// command failed. ubc-start-bench [-v] [WORD]: only cases whose name has WORD in it; -v: every round.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/process.h"
#include "os/text_file.h"

namespace ubc::bench {
namespace {

constexpr unsigned kWarm = 2, kRounds = 9;

struct Case {
  std::string_view name;
  std::vector<std::string> command;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"true", {"/bin/true"}},
      {"unshare",
       {"/bin/unshare", "--fork", "--map-root-user", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root=/bundle/rootfs",
        "--mount-proc", "/bin/true"}},
      {"crun run", {"/bin/crun", "run", "--bundle", "/bundle", "bench"}},
      {"crun run, no filter", {"/bin/crun", "run", "--bundle", "/plain", "bench"}},
      {"ubctl start", {"/bin/ubctl", "--quiet", "start", "101"}},
      {"crun exec", {"/bin/crun", "exec", "running", "/bin/true"}},
      {"ubctl exec", {"/bin/ubctl", "--quiet", "exec", "102", "/bin/true"}},
  };
  return all;
}

std::uint64_t now_ns() {
  timespec now{};
  (void)::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

/// How long the one CPU had nothing to do, ever: a wait for a grace period of the kernel's is time, but no instructions.
std::uint64_t idle_ns() {
  const std::string text = os::read_text("/proc/timer_list").value_or("");
  const std::size_t at = text.find(".idle_sleeptime : ");
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + std::strlen(".idle_sleeptime : "), nullptr, 10);
}

/// False: it could not be run, or failed. What a command leaves running becomes our child (PR_SET_CHILD_SUBREAPER).
bool run_to_the_end(const std::vector<char*>& arguments) {
  const pid_t child = ::fork();
  if (child == 0) {
    (void)::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  bool good = child > 0;
  for (int status = 0;;) {
    const pid_t ended = ::waitpid(-1, &status, __WALL);
    if (ended < 0 && errno == ECHILD) return good;
    if (ended == child) good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
}

/// The kernel takes namespaces and cgroups away in the background: not in the figure of the next.
void let_settle() {
  const timespec pause{0, 300'000'000};
  (void)::nanosleep(&pause, nullptr);
}

struct Cost {
  double elapsed = 0, least = 0, most = 0;   ///< million instructions of the clock
  double busy = 0;                           ///< without what the CPU was idle
};

std::optional<Cost> measure(const Case& measured, bool verbose) {
  const std::vector<char*> arguments = os::pointers_to(measured.command);
  std::vector<double> rounds, busy;
  for (unsigned round = 0; round < kWarm + kRounds; ++round) {
    let_settle();
    const std::uint64_t idle = idle_ns(), start = now_ns();
    if (!run_to_the_end(arguments)) return std::nullopt;
    const std::uint64_t elapsed = now_ns() - start, idled = idle_ns() - idle;
    if (verbose) std::printf("  %s: %lu, idle %lu\n", measured.name.data(), elapsed, idled);
    if (round < kWarm) continue;
    rounds.push_back(static_cast<double>(elapsed) / 1e6);
    busy.push_back(static_cast<double>(elapsed - std::min(idled, elapsed)) / 1e6);
  }
  std::ranges::sort(rounds);
  std::ranges::sort(busy);
  return Cost{rounds[kRounds / 2], rounds.front(), rounds.back(), busy[kRounds / 2]};
}

struct Target {
  std::string_view ours, theirs;
  double at_most;
};
constexpr Target kTargets[] = {{"ubctl start", "crun run", 0.4},
                               {"ubctl start", "crun run, no filter", 0.4},
                               {"ubctl start", "unshare", 2},
                               {"ubctl exec", "crun exec", 0.2}};

void judge(std::span<const std::optional<Cost>> costs) {
  const auto of = [&](std::string_view name) {
    const auto at = std::ranges::find(cases(), name, &Case::name) - cases().begin();
    return costs[static_cast<std::size_t>(at)];
  };
  std::printf("\n");
  for (const auto& [ours, theirs, at_most] : kTargets) {
    if (!of(ours) || !of(theirs)) continue;
    const double ratio = of(ours)->elapsed / of(theirs)->elapsed;
    std::printf("%-8s%s to %s: %.3f (target %.1f); idle left out: %.3f\n", ratio <= at_most ? "met" : "MISSED", ours.data(), theirs.data(),
                ratio, at_most, of(ours)->busy / of(theirs)->busy);
  }
}

int run(std::string_view word, bool verbose) {
  (void)::prctl(PR_SET_CHILD_SUBREAPER, 1);
  utsname names{};
  (void)::uname(&names);
  std::printf("%s: million instructions, median of %u\n%-24s%10s%10s%10s%15s\n", names.release, kRounds, "", "median", "least", "most",
              "idle left out");
  std::vector<std::optional<Cost>> costs;
  bool good = true;
  for (const Case& measured : cases()) {
    costs.emplace_back();
    if (!measured.name.contains(word)) continue;
    costs.back() = measure(measured, verbose);
    if (const auto& cost = costs.back())
      std::printf("%-24s%10.2f%10.2f%10.2f%15.2f\n", measured.name.data(), cost->elapsed, cost->least, cost->most, cost->busy);
    else
      std::printf("%-24s failed\n", measured.name.data());
    (void)std::fflush(stdout);
    good = good && costs.back();
  }
  judge(costs);
  return good ? 0 : 1;
}

}  // namespace
}  // namespace ubc::bench

int main(int argc, char** argv) {
  const bool verbose = argc > 1 && std::strcmp(argv[1], "-v") == 0;
  const int first = verbose ? 2 : 1;
  return ubc::bench::run(argc > first ? argv[first] : "", verbose);
}

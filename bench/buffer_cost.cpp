// SPDX-License-Identifier: Apache-2.0
// ubc-buffer-bench: what counting socket buffers costs. A send and its receive, of 64 bytes and of 64 KiB, on TCP, unix and UDP: without
// any programs, with the hooks that are always attached, and with the group of socket buffers as well; by a process of the host and by one
// of a guest that has numbers on all four. All in one boot. Needs root and a machine without containers.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "bpf/attached_hooks.h"
#include "bpf/kernel_support.h"
#include "tests/support/slot_process.h"

namespace ubc::bench {
namespace {

constexpr std::uint32_t kSlot = 1;
constexpr std::uint64_t kNumber = 64 << 20;   // there to be compared with, never met
constexpr unsigned kRounds = 9;

struct Path {
  std::string_view name;
  int family, type;
  std::size_t bytes;
  unsigned per_round;
};
constexpr auto kPaths = std::to_array<Path>({
    {"tcp 64 B", AF_INET, SOCK_STREAM, 64, 200},
    {"tcp 64 KiB", AF_INET, SOCK_STREAM, 65536, 40},
    {"unix 64 B", AF_UNIX, SOCK_STREAM, 64, 400},
    {"unix 64 KiB", AF_UNIX, SOCK_STREAM, 65536, 40},
    {"udp 64 B", AF_INET, SOCK_DGRAM, 64, 300},
    {"udp 60 KiB", AF_INET, SOCK_DGRAM, 61440, 40},   // the most that a datagram holds is a little less than 64 KiB
});

enum class World { none, hooks_off, host, guest };
constexpr auto kWorlds = std::to_array({World::none, World::hooks_off, World::host, World::guest});
using Figures = std::array<std::array<double, kPaths.size()>, kWorlds.size()>;

std::uint64_t now() {
  timespec at{};
  (void)::clock_gettime(CLOCK_MONOTONIC, &at);
  return static_cast<std::uint64_t>(at.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(at.tv_nsec);
}

/// A connected pair; false: it could not be had.
bool connect_pair(const Path& path, int (&fds)[2]) {
  if (path.family == AF_UNIX) return ::socketpair(path.family, path.type, 0, fds) == 0;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* where = reinterpret_cast<sockaddr*>(&address);
  const int bound = ::socket(AF_INET, path.type, 0);
  if (::bind(bound, where, size) != 0 || ::getsockname(bound, where, &size) != 0) return false;
  if (path.type == SOCK_STREAM && ::listen(bound, 1) != 0) return false;
  fds[0] = ::socket(AF_INET, path.type, 0);
  if (::connect(fds[0], where, size) != 0) return false;
  fds[1] = path.type == SOCK_STREAM ? ::accept(bound, nullptr, nullptr) : bound;
  const int on = 1;
  if (path.type == SOCK_STREAM) (void)::setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fds[1] >= 0;
}

bool send_and_receive(const int (&fds)[2], std::vector<char>& data) {
  std::size_t sent = 0, got = 0;
  while (got < data.size()) {   // a stream's buffer may be smaller than what is sent
    if (sent < data.size()) {
      const ssize_t more = ::send(fds[0], data.data() + sent, data.size() - sent, MSG_DONTWAIT);
      if (more > 0) sent += static_cast<std::size_t>(more);
    }
    const ssize_t came = ::recv(fds[1], data.data(), data.size(), 0);
    if (came <= 0) return false;
    got += static_cast<std::size_t>(came);
  }
  return true;
}

/// The median of kRounds; 0: it failed.
double measure(const Path& path) {
  int fds[2];
  std::vector<char> data(path.bytes, 'x');
  if (!connect_pair(path, fds)) return 0;
  std::array<double, kRounds> rounds{};
  for (unsigned i = 0; i < path.per_round; ++i) (void)send_and_receive(fds, data);
  for (double& round : rounds) {
    const std::uint64_t start = now();
    for (unsigned i = 0; i < path.per_round; ++i)
      if (!send_and_receive(fds, data)) return 0;
    round = static_cast<double>(now() - start) / path.per_round;
  }
  std::ranges::sort(rounds);
  return rounds[kRounds / 2];
}

void measure_world(World world, Figures& figures) {
  std::fprintf(stderr, "measuring world %d\n", static_cast<int>(world));
  const auto all = [&] {
    for (std::size_t i = 0; i < kPaths.size(); ++i) figures[static_cast<std::size_t>(world)][i] = measure(kPaths[i]);
    return 0;
  };
  // The host's user has a uid of no slot: what differs is whose the sockets are.
  if (world == World::guest || world == World::hooks_off)
    (void)test::run_in(kSlot, all);
  else
    (void)test::Process{[&] { return ::setresuid(65534, 65534, 65534) == 0 ? all() : 1; }}.wait();
}

Result<> measure_all(Figures& figures) {
  const bpf::HookPlan plan = bpf::decide_hooks(bpf::probe_kernel(), true);
  UBC_TRY(bpf::detach_hooks());
  measure_world(World::none, figures);
  UBC_TRY(bpf::attach_hooks(plan, {.uid_base = test::kUidBase, .object_bits = 17, .fork_errno = 12}));
  measure_world(World::hooks_off, figures);
  (void)::mkdir(test::kContainersCgroup, 0755);
  UBC_TRY(bpf::attach_group(plan, bpf::HookGroup::socket_buffers, test::kContainersCgroup));
  bpf::Ledger ledger = UBC_TRY(bpf::Ledger::open());
  for (const ubc_resource resource : {UBC_TCPSNDBUF, UBC_TCPRCVBUF, UBC_OTHERSOCKBUF, UBC_DGRAMRCVBUF})
    ledger.set_limits(kSlot, resource, kNumber, kNumber);
  measure_world(World::host, figures);
  measure_world(World::guest, figures);
  return bpf::detach_hooks();
}

void print(const Figures& figures) {
  const auto& [none, off, host, guest] = figures;
  fmt::print("{:<14}{:>10}{:>12}{:>8}{:>10}{:>8}{:>10}{:>8}\n", "", "none", "hooks off", "ratio", "outside", "ratio", "guest", "ratio");
  for (std::size_t i = 0; i < kPaths.size(); ++i)
    fmt::print("{:<14}{:>10.0f}{:>12.0f}{:>8.3f}{:>10.0f}{:>8.3f}{:>10.0f}{:>8.3f}\n", kPaths[i].name, none[i], off[i], off[i] / none[i],
               host[i], host[i] / none[i], guest[i], guest[i] / none[i]);
}

}  // namespace
}  // namespace ubc::bench

int main() {
  ubc::test::Shared<ubc::bench::Figures> figures;
  if (const auto measured = ubc::bench::measure_all(*figures); !measured) {
    std::fprintf(stderr, "ubc-buffer-bench: %s\n", measured.error().message.c_str());
    (void)ubc::bpf::detach_hooks();
    return 1;
  }
  ubc::bench::print(*figures);
  return 0;
}

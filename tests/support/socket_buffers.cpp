// SPDX-License-Identifier: Apache-2.0
#include "tests/support/socket_buffers.h"

#include <arpa/inet.h>
#include <linux/sock_diag.h>

#include <array>
#include <numeric>

namespace ubc::test {

Memory memory_of(int fd) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t size = sizeof info;
  (void)::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info.data(), &size);
  return {info[SK_MEMINFO_WMEM_ALLOC], info[SK_MEMINFO_WMEM_QUEUED], info[SK_MEMINFO_RMEM_ALLOC], info[SK_MEMINFO_BACKLOG],
          std::uint64_t{info[SK_MEMINFO_RMEM_ALLOC]} + info[SK_MEMINFO_FWD_ALLOC]};
}

Pair unix_pair(int type) {
  int fds[2] = {-1, -1};
  (void)::socketpair(AF_UNIX, type, 0, fds);
  return {fds[0], fds[1]};
}

Outcome send_until_refused(int fd, std::size_t size, std::uint64_t most) {
  const std::vector<char> message(size, 'x');
  Outcome outcome;
  while (outcome.sent < most) {
    const ssize_t sent = ::send(fd, message.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
      outcome.failed_with = errno;
      break;
    }
    outcome.sent += static_cast<std::uint64_t>(sent);
  }
  return outcome;
}

std::uint64_t read_all(int fd) {
  std::vector<char> buffer(256 * kKiB);
  std::uint64_t total = 0;
  for (ssize_t got = 0; (got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;) total += static_cast<std::uint64_t>(got);
  return total;
}

int bound_socket(int type, sockaddr_in& address) {
  const int fd = ::socket(AF_INET, type, 0);
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  (void)::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  (void)::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return fd;
}

Connections::Connections() : listener(bound_socket(SOCK_STREAM, address)) { (void)::listen(listener, 64); }

bool Connections::add() {
  const int sender = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::connect(sender, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return false;
  const int receiver = ::accept(listener, nullptr, nullptr);
  if (receiver < 0) return false;
  pairs.push_back({sender, receiver});
  return true;
}

std::uint64_t Connections::queued() const {
  return std::accumulate(pairs.begin(), pairs.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Pair& pair) { return sum + memory_of(pair.sender).tcp_queued; });
}

}  // namespace ubc::test

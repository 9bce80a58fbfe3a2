// SPDX-License-Identifier: Apache-2.0
// Sockets that hold bytes, and what the kernel itself says of them.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/slot_process.h"

namespace ubc::test {

inline constexpr std::uint64_t kKiB = 1024;

struct Memory {
  std::uint64_t other_sent, tcp_queued, tcp_received, backlog;
  std::uint64_t received;   // by a datagram socket, for which the kernel takes pages
};
/// The kernel's own counts of one socket, in bytes.
Memory memory_of(int fd);

struct Pair {
  int sender = -1, receiver = -1;
};
Pair unix_pair(int type = SOCK_STREAM);

struct Outcome {
  std::uint64_t sent = 0;
  int failed_with = 0;
};
/// Sends messages of `size` bytes, without waiting, until one fails or `most` bytes are sent.
Outcome send_until_refused(int fd, std::size_t size, std::uint64_t most = 1 << 30);

/// All that is there to read now.
std::uint64_t read_all(int fd);

/// Bound to a free port of loopback, which goes to `address`.
int bound_socket(int type, sockaddr_in& address);

/// Connections to a listener of the host, both ends in this process.
struct Connections {
  Connections();
  bool add();
  [[nodiscard]] std::uint64_t queued() const;

  sockaddr_in address{};
  int listener = -1;
  std::vector<Pair> pairs;
};

class SocketBuffers : public testing::Test {
 protected:
  static void SetUpTestSuite() { attach_group(bpf::HookGroup::socket_buffers); }
};

}  // namespace ubc::test

// SPDX-License-Identifier: Apache-2.0
#include "exporter/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>

#include "os/fd.h"

namespace ubc::exporter {

Result<> notify(const std::string& socket, std::string_view state) {
  if (socket.empty()) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) return os::error(Code::bad_value, "NOTIFY_SOCKET={} is too long for a socket", socket);
  socket.copy(address.sun_path, socket.size());
  if (socket.front() == '@') address.sun_path[0] = 0;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
  const os::Fd sender{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!sender.valid()) return os::sys_error(errno, "make a socket for", socket);
  void* const to = &address;
  if (::sendto(sender.get(), state.data(), state.size(), MSG_NOSIGNAL, static_cast<const sockaddr*>(to), length) < 0)
    return os::sys_error(errno, "tell systemd at", socket);
  return {};
}

}  // namespace ubc::exporter

// SPDX-License-Identifier: Apache-2.0
#include "os/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "os/descriptor_message.h"
#include "os/text_file.h"

namespace ubc::os {

Result<> notify(const std::string& socket, std::string_view state, std::span<const int> descriptors) {
  if (socket.empty()) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) return error(Code::bad_value, "NOTIFY_SOCKET={} is too long for a socket", socket);
  socket.copy(address.sun_path, socket.size());
  if (socket.front() == '@') address.sun_path[0] = 0;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
  const Fd sender{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!sender.valid()) return sys_error(errno, "make a socket for", socket);
  void* const to = &address;
  if (::connect(sender.get(), static_cast<const sockaddr*>(to), length) < 0) return sys_error(errno, "tell systemd at", socket);
  return with_context(send_message(sender.get(), state, descriptors), fmt::format("tell systemd at {}", socket));
}

std::vector<KeptDescriptor> take_kept_descriptors(std::string_view pid, std::string_view count, std::string_view names) {
  constexpr int kFirst = 3;
  std::vector<KeptDescriptor> kept;
  if (parse_number(pid).value_or(0) != static_cast<std::uint64_t>(::getpid())) return kept;
  const std::uint64_t wanted = parse_number(count).value_or(0);
  for (int fd = kFirst; kept.size() < wanted && ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0; ++fd) {
    const std::size_t end = std::min(names.find(':'), names.size());
    kept.push_back({std::string{names.substr(0, end)}, Fd{fd}});
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return kept;
}

}  // namespace ubc::os

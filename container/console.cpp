// SPDX-License-Identifier: Apache-2.0
#include "container/console.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "os/descriptor_message.h"

namespace ubc::container {
namespace {

Result<os::Fd> connect_to_keeper(const Host& host) {
  os::Fd socket{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
  if (!socket.valid()) return os::sys_error(errno, "make a socket");
  constexpr timeval kPatience{.tv_sec = 5, .tv_usec = 0};   // one that hangs must not keep a container from starting
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  const sockaddr_un address = UBC_TRY(console_address(host));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED)
      return os::error(Code::not_found,
                       "nobody keeps consoles on this host: start ubc-console.service (ubctl console --keep), and then the containers");
    return os::sys_error(errno, "connect to", console_socket(host));
  }
  return socket;
}

}  // namespace

std::string console_socket(const Host& host) { return host.paths.run + "/console.sock"; }

Result<sockaddr_un> console_address(const Host& host) {
  const std::string path = console_socket(host);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) return os::error(Code::bad_value, "{} is too long for a socket's path", path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

void plan_console(const Host& host, std::uint32_t id, isolate::GuestSpec& spec, std::vector<std::string>& notes) {
  auto connected = connect_to_keeper(host);
  if (!connected && connected.error().code != Code::not_found)
    notes.push_back(fmt::format("its console is not kept: {}", connected.error().message));
  if (!connected) return;
  const auto keeper = std::make_shared<os::Fd>(*std::move(connected));
  spec.keep_console = [keeper, id](const isolate::Pty& console, const os::Fd& guest) {
    const std::array descriptors{console.master.get(), console.slave.get(), guest.get()};
    return os::with_context(os::send_message(keeper->get(), fmt::format("K{}", id), descriptors), "have the console kept");
  };
}

Result<os::Fd> attach_console(const Host& host, std::uint32_t id) {
  os::Fd keeper = UBC_TRY(connect_to_keeper(host));
  UBC_TRY(os::send_message(keeper.get(), fmt::format("A{}", id), {}));
  const auto answer = os::receive_message(keeper.get());
  if (!answer) return std::unexpected(answer.error());
  if (answer->text.starts_with('o')) return keeper;
  return os::error(Code::bad_state, "{}", answer->text.empty() ? "the keeper of consoles has just ended" : answer->text.substr(1));
}

}  // namespace ubc::container

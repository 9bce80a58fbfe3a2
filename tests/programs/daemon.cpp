// SPDX-License-Identifier: Apache-2.0
#include "tests/programs/daemon.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <utility>

namespace ubc::test {

Daemon::Daemon(const std::string& with, const std::string& options) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = "/tmp/notify"};
  (void)::unlink(address.sun_path);
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const timeval patience{.tv_sec = 120, .tv_usec = 0};
  (void)::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const std::string command = "exec env NOTIFY_SOCKET=/tmp/notify " + with + " " UBCD " " + options + " >" + kLog + " 2>&1";
  pid_ = ::fork();
  if (pid_ == 0) ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
  EXPECT_EQ(next_word(), "READY=1") << text_of(kLog);
}

Daemon::~Daemon() {
  (void)stop();
  (void)::close(socket_);
}

std::string Daemon::next_word() const {
  char said[64];
  const ssize_t length = ::recv(socket_, said, sizeof said, 0);
  return {said, length > 0 ? static_cast<std::size_t>(length) : 0};
}

int Daemon::stop() {
  int status = -1;
  if (pid_ <= 0) return status;
  (void)::kill(pid_, SIGTERM);
  (void)::waitpid(std::exchange(pid_, -1), &status, 0);
  return status;
}

std::string get(const std::string& path, const std::string& options) {
  return shell("curl -sS --max-time 60 " + options + " http://127.0.0.1:9641" + path).output;
}

std::string value_of(const std::string& text, const std::string& series) {
  const std::string start = "\n" + series + " ";
  const std::size_t at = text.find(start);
  return at == std::string::npos ? "" : text.substr(at + start.size(), text.find('\n', at + 1) - at - start.size());
}

std::string of_101(const std::string& family, const std::string& resource) {
  return family + "{ctid=\"101\",resource=\"" + resource + "\"}";
}

}  // namespace ubc::test

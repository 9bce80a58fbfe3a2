// SPDX-License-Identifier: Apache-2.0
#include "os/descriptor_message.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace ubc::os {
namespace {

/// The header, and room for the descriptors.
struct Envelope {
  explicit Envelope(std::span<char> text) : data{text.data(), text.size()} {
    header.msg_iov = &data;
    header.msg_iovlen = 1;
  }
  Envelope(const Envelope&) = delete;
  Envelope& operator=(const Envelope&) = delete;

  iovec data;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostDescriptors * sizeof(int))> control{};
  msghdr header{};
};

std::vector<Fd> descriptors_of(msghdr& header) {
  std::vector<Fd> descriptors;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t at = 0; at + sizeof(int) <= part->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(part) + at, sizeof fd);
      descriptors.emplace_back(fd);
    }
  }
  return descriptors;
}

}  // namespace

Result<> send_message(int channel, std::string_view text, std::span<const int> descriptors, int flags) {
  std::string copy{text};   // iovec has no const
  Envelope envelope{copy};
  if (!descriptors.empty()) {
    envelope.header.msg_control = envelope.control.data();
    envelope.header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* part = CMSG_FIRSTHDR(&envelope.header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size_bytes());
  }
  const ssize_t sent = ::sendmsg(channel, &envelope.header, flags | MSG_NOSIGNAL);
  return sent == static_cast<ssize_t>(text.size()) ? Result<>{} : Result<>{sys_error(sent < 0 ? errno : EMSGSIZE, "send a message")};
}

Result<DescriptorMessage> receive_message(int channel, int flags) {
  std::string text(kLongestMessage, '\0');
  Envelope envelope{text};
  envelope.header.msg_control = envelope.control.data();
  envelope.header.msg_controllen = envelope.control.size();
  ssize_t got;
  while ((got = ::recvmsg(channel, &envelope.header, flags | MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
  }
  if (got < 0) return sys_error(errno, "receive a message");
  DescriptorMessage message{text.substr(0, static_cast<std::size_t>(got)), descriptors_of(envelope.header)};
  if ((envelope.header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    return error(Code::corrupt, "receive a message: it is longer than any of ours");
  return message;
}

}  // namespace ubc::os

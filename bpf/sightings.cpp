// SPDX-License-Identifier: Apache-2.0
#include "bpf/sightings.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "bpf/hook_plan.h"
#include "bpf/pins.h"
#include "os/fd.h"

namespace ubc::bpf {
namespace {

constexpr std::size_t kAtOnce = 2048;   // sightings

Result<> read_one(const std::string& path, const std::function<void(const ubc_sighting&)>& visit) {
  const os::Fd link{bpf_obj_get(path.c_str())};
  if (!link.valid() && errno == ENOENT)
    return os::error(Code::unsupported,
                     "there is no {}: the attached programs are another version's, and ubctl hooks upgrade replaces them", path);
  if (!link.valid()) return os::sys_error(errno, "open the pinned iterator", path);
  const os::Fd run{bpf_iter_create(link.get())};
  if (!run.valid()) return os::sys_error(errno, "start the iterator", path);
  std::vector<char> buffer(kAtOnce * sizeof(ubc_sighting));
  std::size_t kept = 0;   // of one that a read has cut
  for (;;) {
    const ssize_t got = ::read(run.get(), buffer.data() + kept, buffer.size() - kept);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return os::sys_error(errno, "read the iterator", path);
    if (got == 0) return {};
    const std::size_t bytes = kept + static_cast<std::size_t>(got);
    std::size_t at = 0;
    for (; at + sizeof(ubc_sighting) <= bytes; at += sizeof(ubc_sighting)) {
      ubc_sighting seen{};
      std::memcpy(&seen, buffer.data() + at, sizeof seen);
      visit(seen);
    }
    kept = bytes - at;
    std::memmove(buffer.data(), buffer.data() + at, kept);
  }
}

}  // namespace

Result<> read_sightings(const std::string& pins, const std::function<void(const ubc_sighting&)>& visit) {
  for (const Hook& hook : hooks())
    if (hook.purpose == Purpose::sight) UBC_TRY(read_one(link_in(pins, hook.program), visit));
  return {};
}

}  // namespace ubc::bpf

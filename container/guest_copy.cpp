// SPDX-License-Identifier: Apache-2.0
#include "container/guest_copy.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>

#include "container/container.h"
#include "container/container_record.h"
#include "isolate/guest_spec.h"
#include "isolate/merged_tree.h"
#include "os/process.h"

namespace ubc::container {
namespace {

using isolate::CopySide;

std::string absolute(std::string_view path) {
  if (path.starts_with('/')) return std::string{path};
  char here[4096];
  return fmt::format("{}/{}", ::getcwd(here, sizeof here) != nullptr ? here : "", path);
}

/// The root that the guest's process 1 has now.
Result<os::DirFd> root_of(const Running& guest) {
  const std::string path = fmt::format("/proc/{}/root", guest.record.init_pid);
  os::Fd root{::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (!root.valid()) return os::sys_error(errno, "open", path);
  if (UBC_TRY(os::wait_for_exit(guest.pidfd, std::chrono::milliseconds{0})))   // its pid may be another's since
    return os::error(Code::bad_state, "the guest has ended");
  return os::DirFd{std::move(root), "/"};
}

using Body = std::function<Result<isolate::CopyReport>(const CopySide& from)>;

Result<isolate::CopyReport> from_stopped(const Host& host, std::uint32_t id, const std::string& path, const Body& body) {
  const std::string name = UBC_TRY(template_of(host, id));
  const isolate::TemplateInfo base = UBC_TRY(templates_of(host).find(name));
  isolate::CopyReport report;
  const auto read = [&](const std::string& tree) -> Result<> {
    const os::DirFd root = UBC_TRY(os::DirFd::open(tree));
    report = UBC_TRY(body({&root, true, path, 0}));
    return {};
  };
  UBC_TRY(isolate::with_merged_tree(base.rootfs, host.paths.area_of(id), read));
  return report;
}

Result<isolate::CopyReport> from_anywhere(const Host& host, const CopyPlace& from, const Body& body) {
  if (!from.id) {
    const os::DirFd root = UBC_TRY(os::DirFd::open("/"));
    return body({&root, false, from.path, 0});
  }
  const auto guest = running(host, *from.id);
  if (!guest && status_of(host, *from.id).exists) return from_stopped(host, *from.id, from.path, body);
  if (!guest) return std::unexpected(unknown_container(*from.id));
  const os::DirFd root = UBC_TRY(root_of(*guest));
  return body({&root, true, from.path, 0});
}

}  // namespace

Result<CopyPlace> parse_place(const Host& host, std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == text.npos || text.find('/') < colon) return CopyPlace{std::nullopt, absolute(text)};
  const std::uint32_t id = UBC_TRY(resolve_id(host, text.substr(0, colon)));
  const std::string_view path = text.substr(colon + 1);
  return CopyPlace{id, path.starts_with('/') ? std::string{path} : fmt::format("/{}", path)};
}

Result<isolate::CopyReport> copy(const Host& host, const CopyPlace& from, const CopyPlace& to) {
  if (!to.id) {
    const os::DirFd root = UBC_TRY(os::DirFd::open("/"));
    return from_anywhere(host, from, [&](const CopySide& source) { return isolate::copy_tree(source, {&root, false, to.path, 0}); });
  }
  const Running guest = UBC_TRY(running(host, *to.id));
  const os::DirFd root = UBC_TRY(root_of(guest));
  const std::uint32_t slot = UBC_TRY(slot_of(host, *to.id));
  const uid_t owner = host.settings.uid_base + slot * isolate::kIdsPerGuest;
  return from_anywhere(host, from, [&](const CopySide& source) { return isolate::copy_tree(source, {&root, true, to.path, owner}); });
}

}  // namespace ubc::container

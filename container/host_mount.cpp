// SPDX-License-Identifier: Apache-2.0
#include "container/host_mount.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "container/action_scripts.h"
#include "container/container.h"
#include "isolate/guest_spec.h"
#include "isolate/handshake.h"
#include "isolate/host_view.h"
#include "os/scope_guard.h"

namespace ubc::container {
namespace {

using isolate::fault_point;

/// For those of all containers: the directory that holds them comes and goes with the first and the last.
Result<os::Fd> lock_views(const Host& host) { return lock_file(host, "root.lock", LOCK_EX); }

Result<> take_off(const Host& host, std::uint32_t id, isolate::InUse in_use) {
  const os::Fd lock = UBC_TRY(lock_views(host));
  return isolate::unmount_view(host.paths.root_of(id), in_use);
}

Result<> show_running(const Host& host, std::uint32_t id, const Running& guest, uid_t base, std::vector<std::string>& notes) {
  if (UBC_TRY(isolate::mount_running_view(guest.pidfd, base, host.paths.root_of(id)))) return {};
  notes.push_back(fmt::format(
      "this kernel cannot shift the ids of a running guest's tree: it is read-only, and the guest's ids are {} to {} in it; ubctl "
      "cp {} and exec {} write",
      base, base + isolate::kIdsPerGuest - 1, id, id));
  return {};
}

Result<> show_stopped(const Host& host, std::uint32_t id, uid_t base) {
  const std::string name = UBC_TRY(template_of(host, id));
  const isolate::TemplateInfo found = UBC_TRY(templates_of(host).find(name));
  return isolate::mount_stopped_view(found.rootfs, host.paths.area_of(id), base, host.paths.root_of(id));
}

}  // namespace

bool is_mounted(const Host& host, std::uint32_t id) { return isolate::is_mount_point(host.paths.root_of(id)); }

Result<> mount_tree(const Host& host, std::uint32_t id, std::vector<std::string>& notes) {
  if (is_mounted(host, id)) return os::error(Code::exists, "Container is already mounted");
  const uid_t base = host.settings.uid_base + UBC_TRY(slot_of(host, id)) * isolate::kIdsPerGuest;
  os::Fd lock = UBC_TRY(lock_views(host));
  os::Rollback rollback;
  rollback.add([&] { (void)take_off(host, id, isolate::InUse::left_behind); });
  const auto guest = running(host, id);
  auto shown = isolate::prepare_view(host.paths.root_of(id));
  if (shown) shown = guest ? show_running(host, id, *guest, base, notes) : show_stopped(host, id, base);
  lock = os::Fd{};   // what is undone takes it again
  UBC_TRY(os::with_context(shown, fmt::format("mount container {}", id)));
  fault_point("mount:attached");
  if (!guest) UBC_TRY(run_host_scripts(host, id, "mount"));
  rollback.commit();
  return {};
}

Result<> unmount_tree(const Host& host, std::uint32_t id) {
  if (!is_mounted(host, id)) return os::error(Code::not_found, "CT is not mounted");
  UBC_TRY(run_host_scripts(host, id, "umount"));
  fault_point("umount:scripts");
  return take_off(host, id, isolate::InUse::refused);
}

Result<> drop_tree(const Host& host, std::uint32_t id) {
  return is_mounted(host, id) ? take_off(host, id, isolate::InUse::left_behind) : Result<>{};
}

}  // namespace ubc::container

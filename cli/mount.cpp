// SPDX-License-Identifier: Apache-2.0
// mount, umount: a container's whole file system on the host.
#include <unistd.h>

#include <memory>

#include "cli/options.h"
#include "cli/report.h"
#include "container/action_scripts.h"
#include "container/adopted_record.h"
#include "container/container.h"
#include "container/host_mount.h"

namespace ubc::cli {
namespace {

using container::Host;

int mount(const Host& host, const Say& say, std::uint32_t id) {
  if (const auto ours = container::refuse_adopted(host, id, "mount"); !ours) return fail(ours.error(), exit_mount_failed);
  if (::access(host.paths.config_of(id).c_str(), F_OK) != 0) return fail(container::unknown_container(id));
  const auto lock = container::lock_container(host, id, "mount");
  if (!lock) return fail(lock.error());
  if (const std::string area = host.paths.area_of(id); ::access(area.c_str(), F_OK) != 0)
    return fail({Code::not_found, 0, fmt::format("Container private area {} does not exist: ubctl create it first", area)},
                exit_no_private_area);
  std::vector<std::string> notes;
  const auto mounted = container::mount_tree(host, id, notes);
  if (!mounted && container::is_of_action_script(mounted.error())) return fail(mounted.error(), exit_action_script);
  if (!mounted) return fail(mounted.error(), mounted.error().code == Code::exists ? exit_mounted : exit_mount_failed);
  say("Container is mounted");
  say(fmt::format("{}: nothing in it is run, and no symbolic link of it is followed", host.paths.root_of(id)));
  warn(notes);
  return exit_ok;
}

int umount(const Host& host, const Say& say, std::uint32_t id, bool force) {
  if (const auto ours = container::refuse_adopted(host, id, "unmount"); !ours) return fail(ours.error(), exit_umount_failed);
  if (::access(host.paths.config_of(id).c_str(), F_OK) != 0) return fail(container::unknown_container(id));
  const auto lock = container::lock_container(host, id, "umount");
  if (!lock) return fail(lock.error());
  const bool running = container::running(host, id).has_value();
  if (running && !force)
    return fail(
        {Code::bad_state, 0, "Container is running -- stop it first; --force takes off what ubctl mount shows of it, and it runs on"},
        exit_running);
  if (!container::is_mounted(host, id)) return fail({Code::not_found, 0, "CT is not mounted"}, exit_not_mounted);
  const auto unmounted = running ? container::drop_tree(host, id) : container::unmount_tree(host, id);
  if (!unmounted && container::is_of_action_script(unmounted.error())) return fail(unmounted.error(), exit_action_script);
  if (!unmounted) return fail(unmounted.error(), exit_umount_failed);
  say("Container is unmounted");
  return exit_ok;
}

}  // namespace

void add_mount(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("mount", "its whole file system on the host, with the guest's ids: /var/lib/ubc/root/CTID");
  add_ctid(*verb, invocation);
  on_parsed(*verb, invocation, [&say = invocation.say](const Host& host, std::uint32_t id) { return mount(host, say, id); });
}

void add_umount(CLI::App& app, Invocation& invocation) {
  const auto force = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("umount", "and off again");
  add_ctid(*verb, invocation);
  verb->add_flag("--force", *force, "also of a container that runs, and runs on");
  on_parsed(*verb, invocation,
            [force, &say = invocation.say](const Host& host, std::uint32_t id) { return umount(host, say, id, *force); });
}

}  // namespace ubc::cli

// SPDX-License-Identifier: Apache-2.0
#include "container/doctor.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>
#include <optional>
#include <string_view>

#include "container/container.h"
#include "container/container_record.h"
#include "container/group_record.h"
#include "container/host_mount.h"
#include "container/network.h"
#include "container/proc_views.h"
#include "container/suspension.h"
#include "os/cgroup_dir.h"
#include "os/directory.h"
#include "os/project_quota.h"
#include "os/route_socket.h"

namespace ubc::container {
namespace {

/// Something that nobody answers for, and how to clear it.
struct Leftover {
  std::string what;
  std::function<Result<>()> clear;
};
using Leftovers = std::vector<Leftover>;

std::optional<std::uint32_t> id_in(std::string_view text) {
  std::uint32_t id = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
  return failed == std::errc{} && end == text.data() + text.size() && id != 0 ? std::optional{id} : std::nullopt;
}

/// "101.run", ".run" -> 101.
std::optional<std::uint32_t> id_before(std::string_view name, std::string_view ending) {
  return name.ends_with(ending) ? id_in(name.substr(0, name.size() - ending.size())) : std::nullopt;
}

bool exists(const std::string& path) {
  struct stat seen{};
  return ::lstat(path.c_str(), &seen) == 0;
}

/// A command is at work on the container. One that died holds no lock.
bool is_locked(const Host& host, std::uint32_t id) {
  const os::Fd lock{::open(fmt::format("{}/{}.lock", host.paths.run, id).c_str(), O_RDONLY | O_CLOEXEC)};
  return lock.valid() && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0;
}

Result<> remove_file(const std::string& path) {
  return ::unlink(path.c_str()) == 0 || errno == ENOENT ? Result<>{} : Result<>{os::sys_error(errno, "remove", path)};
}

Result<> remove_all(const std::string& path) {
  os::remove_tree(path);
  return exists(path) ? Result<>{os::error(Code::system, "remove {}: part of it stays", path)} : Result<>{};
}

Result<> remove_tree_of(const Host& host, std::uint32_t id) {
  UBC_TRY(drop_tree(host, id));
  const std::string path = host.paths.root_of(id);
  return ::rmdir(path.c_str()) == 0 || errno == ENOENT ? Result<>{} : Result<>{os::sys_error(errno, "remove", path)};
}

/// Runs of guests that ended, or never came up: the record, the cgroup, the links go together.
Result<> find_runs(const Host& host, Leftovers& found) {
  std::vector<std::uint32_t> ids;
  for (const std::string& name : UBC_TRY(os::names_in(host.paths.run)))
    if (const auto id = id_before(name, ".run")) ids.push_back(*id);
  for (const std::string& name : UBC_TRY(os::names_in(host.paths.cgroups + "/ubc", os::Entries::directories)))
    if (const auto id = id_in(name); id && std::ranges::find(ids, *id) == ids.end()) ids.push_back(*id);
  for (const std::uint32_t id : ids) {
    if (running(host, id) || is_locked(host, id)) continue;
    found.push_back(
        {fmt::format("container {} does not run, and its last run has left a cgroup, a record or links", id), [&host, id]() -> Result<> {
           (void)UBC_TRY(lock_container(host, id, "doctor"));
           return {};
         }});
  }
  return {};
}

/// The host's ends of routed links, by their name.
Result<> find_links(const Host& host, Leftovers& found) {
  for (const std::string& name : UBC_TRY(os::names_in("/sys/class/net"))) {
    const auto id = name.starts_with("ubc") ? id_in(std::string_view{name}.substr(3)) : std::nullopt;
    if (!id || read_record(host, *id) || is_locked(host, *id)) continue;
    found.push_back({fmt::format("link {} belongs to container {}, which does not run", name, *id), [name]() -> Result<> {
                       const os::RouteSocket socket = UBC_TRY(os::RouteSocket::open());
                       return socket.remove_link(name);
                     }});
  }
  return {};
}

/// Private areas being made or removed when their command died, and those that lack their configuration.
Result<> find_areas(const Host& host, Leftovers& found) {
  const std::string areas = host.paths.lib + "/private";
  for (const std::string& name : UBC_TRY(os::names_in(areas))) {
    const std::string path = areas + "/" + name;
    const bool gone = name.starts_with(".gone-");
    const auto id = gone ? id_in(std::string_view{name}.substr(6)) : id_before(name, ".new");
    if (id && !is_locked(host, *id))
      found.push_back({fmt::format("{} is a private area that was not {}", path, gone ? "wholly removed" : "completed"),
                       [path] { return remove_all(path); }});
    if (const auto whole = id_in(name); whole && !exists(host.paths.config_of(*whole)) && !is_locked(host, *whole))
      found.push_back(
          {fmt::format("container {} has a private area and no configuration: ubctl destroy {} removes it", *whole, *whole), {}});
  }
  return {};
}

/// Trees that the host sees, of containers that are not there; and their mount points.
Result<> find_trees(const Host& host, Leftovers& found) {
  for (const std::string& name : UBC_TRY(os::names_in(host.paths.roots()))) {
    const auto id = id_in(name);
    if (!id || exists(host.paths.area_of(*id)) || is_locked(host, *id)) continue;
    found.push_back({fmt::format("{} is where container {}, which is not there, was mounted", host.paths.root_of(*id), *id),
                     [&host, id] { return remove_tree_of(host, *id); }});
  }
  return {};
}

Result<> find_names(const Host& host, Leftovers& found) {
  const std::string names = host.paths.etc + "/names";
  for (const std::string& name : UBC_TRY(os::names_in(names))) {
    const std::string path = names + "/" + name;
    if (::access(path.c_str(), F_OK) == 0) continue;   // it follows the link
    found.push_back({fmt::format("name {} is nobody's: its container has no configuration", name), [path] { return remove_file(path); }});
  }
  return {};
}

/// Guests whose /proc/meminfo and the like were those of an lxcfs that has ended since: none of them can be read.
void find_views(const Host& host, Leftovers& found) {
  for (const std::uint32_t id : recorded_ids(host)) {
    auto guest = running(host, id);
    if (!guest || is_suspended(host, id)) continue;
    const auto answers = check_views_of(*guest);
    if (answers) continue;
    found.push_back({fmt::format("container {} can't read its /proc/uptime: {}", id, answers.error().message), [&host, id]() -> Result<> {
                       const os::Fd lock = UBC_TRY(lock_container(host, id, "doctor"));
                       return renew_views_of(UBC_TRY(running(host, id)));
                     }});
  }
}

/// Limits of disk space that outlived their container.
void find_quotas(const Host& host, Leftovers& found) {
  const std::string areas = host.paths.lib + "/private";
  if (os::project_quota_at(areas) == os::ProjectQuota::none) return;
  for (const std::string& file : os::names_in(host.paths.conf()).value_or(std::vector<std::string>{})) {
    const auto id = id_before(file, ".conf.destroyed");
    if (!id || exists(host.paths.area_of(*id))) continue;
    const auto use = os::project_use(areas, *id);
    if (!use || (use->bytes.hard == 0 && use->inodes.hard == 0)) continue;
    found.push_back({fmt::format("the disk quota of container {}, which was destroyed, is still set", *id),
                     [areas, id] { return os::limit_project(areas, *id, {}); }});
  }
}

Result<Leftovers> look(const Host& host) {
  Leftovers found;
  UBC_TRY(find_runs(host, found));
  UBC_TRY(find_links(host, found));
  UBC_TRY(find_areas(host, found));
  UBC_TRY(find_trees(host, found));
  UBC_TRY(find_names(host, found));
  find_quotas(host, found);
  find_views(host, found);
  return found;
}

}  // namespace

Result<std::vector<Finding>> examine(const Host& host) {
  std::vector<Finding> findings;
  for (const Leftover& leftover : UBC_TRY(look(host))) findings.push_back({leftover.what, false});
  return findings;
}

Result<std::vector<Finding>> mend(const Host& host) {
  std::vector<Finding> findings;
  for (const Leftover& leftover : UBC_TRY(look(host))) {
    const Result<> cleared = leftover.clear ? leftover.clear() : Result<>{};
    findings.push_back({cleared ? leftover.what : fmt::format("{}: {}", leftover.what, cleared.error().message),
                        cleared.has_value() && leftover.clear != nullptr});
  }
  return findings;
}

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
// What a person calls a container, and the cgroup that it is.
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "container/adoption.h"
#include "isolate/run_program.h"
#include "os/directory.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

/// Units lie below slices only: nothing else is searched.
std::optional<std::string> find_unit(const std::string& root, const std::string& below, const std::string& unit) {
  for (const std::string& name : os::names_in(root + below, os::Entries::directories).value_or(std::vector<std::string>{})) {
    if (name == unit) return below + "/" + name;
    if (!name.ends_with(".slice")) continue;
    if (auto found = find_unit(root, below + "/" + name, unit)) return found;
  }
  return std::nullopt;
}

/// podman is told where its containers are by these.
std::vector<std::string> podman_environment() {
  std::vector<std::string> environment;
  for (const char* name : {"CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "XDG_RUNTIME_DIR"})
    if (const char* value = std::getenv(name)) environment.push_back(fmt::format("{}={}", name, value));
  return environment;
}

}  // namespace

Result<Target> target_of_cgroup(const Host& host, const std::string& path) {
  std::string below = path.starts_with(host.paths.cgroups + "/") ? path.substr(host.paths.cgroups.size()) : "/" + path;
  while (below.starts_with("//")) below.erase(0, 1);
  while (below.size() > 1 && below.ends_with('/')) below.pop_back();
  if (below.contains("/../") || below.ends_with("/.."))
    return os::error(Code::bad_value, "Bad parameter for --cgroup: {}: a path without ..", path);
  if (::access((host.paths.cgroups + below + "/cgroup.procs").c_str(), F_OK) != 0)
    return os::error(Code::not_found, "there is no cgroup {} below {}: say a directory there that has cgroup.procs", below,
                     host.paths.cgroups);
  return Target{below, fmt::format("--cgroup {}", below)};
}

Result<Target> target_of_pid(const Host&, const std::string& pid) {
  if (const auto number = os::parse_number(pid); !number || *number == 0)
    return os::error(Code::bad_value, "Bad parameter for --pid: {}: it is a process's number", pid);
  auto cgroup = os::cgroup_of_process(pid);
  if (!cgroup && cgroup.error().code == Code::not_found)
    return os::error(Code::not_found, "there is no process {}: say one that runs in the container", pid);
  if (!cgroup) return std::unexpected(cgroup.error());
  return Target{*cgroup, fmt::format("--pid {}", pid)};
}

Result<Target> target_of_podman(const Host& host, const std::string& name) {
  const std::string text = UBC_TRY(os::with_context(
      isolate::run_program({"podman", "inspect", "--type", "container", "--format", "{{.State.Pid}} {{.State.CgroupPath}}", name},
                           podman_environment()),
      fmt::format("asking podman for container {}", name)));
  std::istringstream words{text};
  std::string pid, cgroup;
  words >> pid >> cgroup;
  if (pid == "0" || pid.empty()) return os::error(Code::bad_state, "podman's container {} does not run: start it first", name);
  Target target = UBC_TRY(target_of_pid(host, pid));
  // Its first process may have gone into a cgroup of its own making below (systemd does): the container is all of it.
  if (!cgroup.empty() && target.cgroup.starts_with(cgroup + "/")) target.cgroup = cgroup;
  target.source = fmt::format("--podman {}", name);
  return target;
}

Result<Target> target_of_unit(const Host& host, const std::string& unit) {
  const std::string full = unit.contains('.') ? unit : unit + ".service";
  const auto found = find_unit(host.paths.cgroups, "", full);
  if (!found)
    return os::error(Code::not_found, "unit {} has no cgroup below {}: start it first, systemctl status {}", full, host.paths.cgroups,
                     full);
  return Target{*found, fmt::format("--unit {}", full)};
}

}  // namespace ubc::container

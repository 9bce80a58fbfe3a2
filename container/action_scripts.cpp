// SPDX-License-Identifier: Apache-2.0
#include "container/action_scripts.h"

#include <unistd.h>

#include <string>
#include <vector>

#include "container/container.h"
#include "container/host_mount.h"
#include "isolate/run_program.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

constexpr std::string_view kScript = "action script ";   // how a failure of one begins

std::string script_of(const Host& host, std::string_view whose, std::string_view name) {
  return fmt::format("{}/{}.{}", host.paths.conf(), whose, name);
}

std::vector<std::string> environment_for(const Host& host, std::uint32_t id) {
  std::vector<std::string> environment{fmt::format("VEID={}", id), fmt::format("VE_CONFFILE={}", host.paths.config_of(id)),
                                       fmt::format("VE_PRIVATE={}", host.paths.area_of(id))};
  if (is_mounted(host, id)) environment.push_back(fmt::format("VE_ROOT={}", host.paths.root_of(id)));
  return environment;
}

}  // namespace

Result<> run_host_scripts(const Host& host, std::uint32_t id, std::string_view name) {
  std::string scripts[] = {script_of(host, "vps", name), script_of(host, std::to_string(id), name)};
  if (name == "umount") std::swap(scripts[0], scripts[1]);
  for (const std::string& script : scripts)
    if (::access(script.c_str(), X_OK) == 0)
      UBC_TRY(os::with_context(isolate::run_program({script}, environment_for(host, id)), fmt::format("{}of container {}", kScript, id)));
  return {};
}

Result<> run_guest_script(const Host& host, std::uint32_t id, std::string_view name) {
  const std::string path = script_of(host, std::to_string(id), name);
  if (::access(path.c_str(), F_OK) != 0) return {};
  const std::string script = UBC_TRY(os::read_text(path));
  const int status = UBC_TRY(exec(host, id, {"/bin/sh", "-c", script, path}, false));
  return status == 0 ? Result<>{}
                     : Result<>{os::error(Code::system, "{}{} ended with status {} in container {}", kScript, path, status, id)};
}

bool is_of_action_script(const Error& error) { return error.message.starts_with(kScript); }

}  // namespace ubc::container

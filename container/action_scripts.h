// SPDX-License-Identifier: Apache-2.0
// vzctl's action scripts: what the admin runs when a container comes and goes. On the host: vps.mount and ID.mount before the guest is
// made, ID.umount and vps.umount when nothing of it is left, with VEID, VE_CONFFILE and VE_PRIVATE in their environment, and VE_ROOT while
// ubctl mount shows its tree. Inside, by the guest's shell: ID.start once its init runs, ID.stop before that is asked to end. All lie
// beside the containers' configurations.
#pragma once

#include <cstdint>
#include <string_view>

#include "container/host.h"
#include "os/result.h"

namespace ubc::container {

/// vps.NAME and ID.NAME, `name` "mount" or "umount"; what is not there is not run. Fails with Code::system and what the first one that
/// fails has said, and runs no more then.
[[nodiscard]] Result<> run_host_scripts(const Host& host, std::uint32_t id, std::string_view name);

/// ID.NAME, `name` "start" or "stop". Fails with Code::system where it ends with another status than 0.
[[nodiscard]] Result<> run_guest_script(const Host& host, std::uint32_t id, std::string_view name);

/// A failure of one of them, for which vzctl has an exit code of its own.
[[nodiscard]] bool is_of_action_script(const Error& error);

}  // namespace ubc::container

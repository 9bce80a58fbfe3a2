// SPDX-License-Identifier: Apache-2.0
// What a process gives up before a guest's program runs in it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "os/result.h"

namespace ubc::isolate {

/// Becomes root of the user namespace it is in: gid, groups, uid. The first charge to the guest's numproc: ENOMEM where that is full.
[[nodiscard]] Result<> become_guest_root();

/// Runs `body` in this thread with `id` as its effective uid and gid and all capabilities kept: what it makes, files or namespaces, is
/// that id's from birth. The caller is the child of a process that waits for it (os::run_as_child); it dies with that one before and
/// after, and body's failure is returned. Fails with Code::system where the parent died meanwhile.
[[nodiscard]] Result<> run_as_id(uid_t id, const std::function<Result<>()>& body);

/// Signals, umask, resource limits, scheduling, session keyring and environment-independent state as a new machine's init would find them;
/// bounding, inheritable and ambient capabilities cut; every descriptor but 0, 1, 2 closes at exec; and last the seccomp filter.
/// `denied`: capabilities that this guest lacks besides those that none has.
[[nodiscard]] Result<> give_up_host_traits(const std::vector<int>& denied);

/// "NET_RAW", as libcap numbers it; nullopt: there is none.
[[nodiscard]] std::optional<int> capability_named(const std::string& name);
/// No guest has it: it acts on the whole host, or on nothing that a guest has.
[[nodiscard]] bool is_never_a_guests(int capability);

}  // namespace ubc::isolate

// SPDX-License-Identifier: Apache-2.0
// The guest's tree, built by host root in a mount namespace of its own before the guest's namespace is copied from it: the kernel then
// locks every one of these mounts, and guest root can neither take one off nor make it writable.
#pragma once

#include "isolate/guest_spec.h"
#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

/// In a fresh mount namespace: makes it private, mounts the overlay (lower idmapped by the user namespace `userns`), /dev, /dev/pts,
/// /dev/shm, /run, and pivots into it. The old root is gone afterwards.
[[nodiscard]] Result<> build_root(const GuestSpec& spec, const os::Fd& userns);

/// In that root, by a process of the guest's pid, net, ipc and cgroup namespaces: /proc, /sys, /sys/fs/cgroup, /dev/mqueue and the masks.
[[nodiscard]] Result<> mount_kernel_views(const GuestSpec& spec);

}  // namespace ubc::isolate

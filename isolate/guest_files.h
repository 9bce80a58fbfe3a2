// SPDX-License-Identifier: Apache-2.0
// Small files of a guest's /etc, written by guest root in the guest's own tree, which is hostile all the same: what is there may be a link,
// a FIFO that nobody feeds, or huge.
#pragma once

#include <string>

#include "os/result.h"

namespace ubc::isolate {

/// /etc/NAME is `text` from then on, as a file of its own: a symbolic link or FIFO in its place is replaced, never opened or followed.
/// Untouched where it says that already. Called as guest root, in the guest's root. Fails with Code::not_found where the guest has no /etc,
/// with Code::corrupt where that is no directory of its own.
[[nodiscard]] Result<> replace_in_etc(const std::string& name, const std::string& text);

/// The host name, now: of the caller's uts namespace.
[[nodiscard]] Result<> set_host_name(const std::string& name);

/// The host name, now and in /etc/hostname. A guest without an /etc of its own has it now, and the next start gives it again.
[[nodiscard]] Result<> name_guest(const std::string& name);

}  // namespace ubc::isolate

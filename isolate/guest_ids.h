// SPDX-License-Identifier: Apache-2.0
// A guest's file as the host sees it -> the same file of a template, whose ids begin at 0.
#pragma once

#include <archive_entry.h>
#include <sys/types.h>

#include "os/result.h"

namespace ubc::isolate {

/// Of owner, access lists and file capabilities: ids base..base+65535 are a guest's 0..65535; those below 65536 are a template's already.
/// Extended attributes other than user.* and security.capability are left out. Fails with Code::corrupt for any other id.
[[nodiscard]] Result<> count_from_zero(archive_entry* entry, uid_t base);

}  // namespace ubc::isolate

// SPDX-License-Identifier: Apache-2.0
// A container's file system as a template of its own.
#pragma once

#include <cstdint>
#include <string>

#include "container/host.h"
#include "isolate/template_store.h"
#include "os/result.h"

namespace ubc::container {

/// From a container that is stopped or runs; one that runs stands still while it is read, and goes on however we end. What it holds is read
/// and unpacked as an archive that nobody vouches for. The lock is held. Fails with Code::exists where there is such a template,
/// Code::not_found where there is no private area.
[[nodiscard]] Result<isolate::TemplateInfo> save_template(const Host& host, std::uint32_t id, const std::string& name,
                                                          const isolate::ImportProgress& progress);

}  // namespace ubc::container

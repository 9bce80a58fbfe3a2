// SPDX-License-Identifier: Apache-2.0
// A walk over what lives on this host, beside what the ledger's records say of it (sighting.bpf.h): to audit the books from outside.
#pragma once

#include <functional>
#include <string>

#include "bpf/ubc_abi.h"
#include "os/result.h"

namespace ubc::bpf {

/// Calls `visit` for each task, memory, file and socket of a container that a task shows: a file that many hold comes as often, with the
/// same `object`. Reads the descriptors and mappings of every task of the host; changes nothing. Fails where the attached programs are of a
/// version that has no such walk.
[[nodiscard]] Result<> read_sightings(const std::string& pins, const std::function<void(const ubc_sighting&)>& visit);

}  // namespace ubc::bpf

// SPDX-License-Identifier: Apache-2.0
// Runs another program and waits for it. Its environment is clean, its input is /dev/null, it gets no other descriptor,
// and the kernel kills it when the calling thread dies.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "os/result.h"

namespace ubc::isolate {

/// Of a program that still runs: each line of its standard output as it comes. True: it was meant for this, and is no part of what is
/// returned.
using LineWatch = std::function<bool(std::string_view line)>;

/// Runs argv[0], looked up in the standard directories, and returns what it wrote to standard output (the first 16 MiB).
/// `environment` holds KEY=value items besides PATH, HOME, LC_ALL=C and the proxy variables that the caller has itself.
/// Fails with Code::not_found if there is no such program, and with Code::system and the last lines of its standard error
/// if it does not end with exit code 0.
[[nodiscard]] Result<std::string> run_program(const std::vector<std::string>& argv, const std::vector<std::string>& environment = {},
                                              const LineWatch& watch = {});

/// Has the kernel load it, unless it is there. One that is built in, or that there is none of, is missed where it is needed.
void load_module(std::string_view module);

}   // namespace ubc::isolate

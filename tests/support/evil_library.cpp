// SPDX-License-Identifier: Apache-2.0
// Leaves a mark where it is loaded, in whatever root its process has then.
#include <fcntl.h>
#include <unistd.h>

namespace {

[[gnu::constructor]] void mark() { (void)::close(::open("/tmp/pwned", O_WRONLY | O_CREAT | O_CLOEXEC, 0644)); }

}  // namespace

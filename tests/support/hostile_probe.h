// SPDX-License-Identifier: Apache-2.0
// What a hostile root of a guest keeps trying while the host works on it. Each goes on until there is a file /stop.
#pragma once

namespace ubc::test {

/// Looks into every other process; in /peeked at last: how often one was ubctl's, how often such a one could be traced, named by its
/// executable or read by its descriptors, and how many of the guest's own could.
int peek();
/// Swaps two names, and removes `litter` from the directory that one of them is; /swapping is there once it has begun.
int swap(const char* one, const char* other, const char* litter);
/// The outcome of connecting to an abstract Unix socket.
int connect_to(const char* name);
/// Listens on one, and accepts, until it is killed.
int listen_on(const char* name);

}  // namespace ubc::test

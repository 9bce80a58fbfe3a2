// SPDX-License-Identifier: Apache-2.0
// Counting without hooks: what /proc says that the processes of a cgroup, and of those below it, hold at this moment.
//   numproc      their threads. Zombies are in no cgroup's list any more, so they are not counted here.
//   numfile      distinct open files (kcmp tells two descriptors of one from two files). Files that are only mapped can't be told apart:
//   not counted. sockets      those with a descriptor, each once: numtcpsock by the protocol's name. privvmpages  VmData + VmStk of each
//   address space.
// A further resource adds a field and a line in merge_census().
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "accounting/beancounter.h"
#include "os/result.h"

namespace ubc::accounting {

struct Census {
  std::uint64_t numproc = 0;
  std::uint64_t numfile = 0;
  std::uint64_t numtcpsock = 0;
  std::uint64_t numothersock = 0;
  std::uint64_t privvmpages = 0;
};

/// A descriptor of a process.
struct OpenFile {
  pid_t pid;
  int fd;
};

/// Where the processes are looked at, and what only the kernel can tell.
struct ProcView {
  std::string proc = "/proc";
  std::function<int(const OpenFile&, const OpenFile&)> compare_files;   ///< <0, 0 (the same file), >0: some total order
  std::function<int(pid_t, pid_t)> compare_memory;                      ///< likewise for address spaces
  std::function<std::string(const OpenFile&)> protocol_of;              ///< "TCP", "UNIX-STREAM", ...; of a socket
  [[nodiscard]] static ProcView of_this_host();
};

/// `cgroup`: the directory, v1 or v2. A process that ends meanwhile counts in part or not at all. Fails where the cgroup can't be read.
[[nodiscard]] Result<Census> take_census(const std::string& cgroup, const ProcView& view = ProcView::of_this_host());

/// Puts the census into the snapshot: held, and maxheld where that is less. (Pure.)
void merge_census(Snapshot& snapshot, const Census& census);

}  // namespace ubc::accounting

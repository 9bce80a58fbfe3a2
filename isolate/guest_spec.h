// SPDX-License-Identifier: Apache-2.0
// What to start, told by one who knows why: paths, ids and an open cgroup. Nothing here says who counts or limits it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "os/fd.h"
#include "os/ip_address.h"
#include "os/result.h"

namespace ubc::isolate {

inline constexpr std::uint32_t kIdsPerGuest = 65536;
inline constexpr std::uint64_t kDefaultLockableBytes = 65536;

struct SharedFile {
  std::string source;                ///< the host's path
  std::string device;                ///< its name in the guest's /dev
};

/// A file of the guest's /proc that another file system stands in for.
struct ProcView {
  std::string name;                  ///< below /proc
  os::Fd mount;                      ///< a copy of a mount of the host's, mounted nowhere yet
};

/// A directory of the host's, with the host's ids: never setuid, no devices.
struct BindMount {
  std::string source;                ///< the host's path
  std::string target;                ///< the guest's; a directory that is not there is made
  bool read_only = false;
  bool no_exec = false;
};

/// A device of the host's, made anew in the guest's /dev.
struct DeviceNode {
  std::string name;                  ///< below /dev; directories on the way are made
  mode_t mode = 0;                   ///< its kind and who may what
  dev_t number = 0;
};

/// A terminal of the guest's, and who is behind it.
struct Pty {
  os::Fd master, slave;
};

/// The guest's end of a link.
struct GuestLink {
  std::string name;
  std::vector<os::IpAddress> addresses;
  bool routed = false;               ///< to the host alone, which routes; else to a bridge, whose addresses are the guest's affair
};

struct GuestSpec {
  std::string name;                  ///< for messages and /run/host
  uid_t base = 0;                    ///< ids 0..65535 of the guest are host ids base..base+65535; never 0
  std::string lower;                 ///< the template's unpacked root, shared, never written
  std::string area;                  ///< holds this guest's overlay directories upper/ and work/, owned by base:base
  int cgroup_fd = -1;                ///< the guest is born in it; root of its cgroup namespace
  std::string hostname;              ///< empty: the name
  std::vector<SharedFile> files;     ///< read-only in the guest
  std::vector<ProcView> proc_views;  ///< a name that /proc has not is left out
  std::vector<DeviceNode> devices;           ///< of two of one name the last counts
  std::vector<int> denied_capabilities;      ///< besides those that no guest has
  std::vector<BindMount> binds;
  std::vector<GuestLink> links;      ///< set up before init runs
  /// Makes those links, in the host's network namespace, as soon as there is a process in the guest's; not called where there are none.
  std::function<Result<>(pid_t guest)> connect;
  /// Takes both ends of the guest's /dev/console, before init runs; `guest` is a pidfd. Empty: the console is the null device.
  std::function<Result<>(const Pty& console, const os::Fd& guest)> keep_console;
  std::optional<std::string> resolv_conf;   ///< the text of /etc/resolv.conf; nullopt: the guest's own
  std::vector<std::string> init{"/sbin/init"};
  std::uint64_t lockable_bytes = kDefaultLockableBytes;   ///< RLIMIT_MEMLOCK of each process
  int oom_score_adj = 0;             ///< set always: an admin's shell may be at -1000, and that is inherited. The guest can't lower it
};

}  // namespace ubc::isolate

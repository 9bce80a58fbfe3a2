// SPDX-License-Identifier: Apache-2.0
// The machine that containers run on: where things lie, what ubc.conf says, and the hooks that all containers share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bpf/guest_links.h"
#include "bpf/hook_plan.h"
#include "bpf/ledger.h"
#include "isolate/tree_tools.h"
#include "os/cgroup_dir.h"
#include "os/fd.h"
#include "os/result.h"

namespace ubc::container {

struct HostPaths {
  std::string etc = "/etc/ubc";             ///< ubc.conf, conf/<id>.conf, names/<name>, groups/<name>.conf
  std::string lib = "/var/lib/ubc";         ///< templates/, private/<id>/, root/<id>/, console/<id>.log
  std::string run = "/run/ubc";             ///< records and locks; gone after a boot, as they should be
  std::string cgroups = "/sys/fs/cgroup";   ///< a cgroup v2 mount; ours are below ubc/
  std::string pins = bpf::kPinDirectory;
  std::string network_pins = bpf::kNetworkPinDirectory;
  std::string proc = "/proc";
  isolate::TreeTools tools;                 ///< for templates

  [[nodiscard]] std::string conf() const { return etc + "/conf"; }   ///< also sample configurations, ve-NAME.conf-sample
  [[nodiscard]] std::string config_of(std::uint32_t id) const { return fmt::format("{}/{}.conf", conf(), id); }
  [[nodiscard]] std::string area_of(std::uint32_t id) const { return fmt::format("{}/private/{}", lib, id); }
  [[nodiscard]] std::string roots() const { return lib + "/root"; }   ///< what ubctl mount shows of them
  [[nodiscard]] std::string root_of(std::uint32_t id) const { return fmt::format("{}/{}", roots(), id); }
  [[nodiscard]] std::string console_logs() const { return lib + "/console"; }
  [[nodiscard]] std::string console_log_of(std::uint32_t id) const { return fmt::format("{}/{}.log", console_logs(), id); }
  [[nodiscard]] std::string cache() const { return lib + "/cache"; }   ///< archives that were built, and what is being built
  [[nodiscard]] std::string group_configs() const { return etc + "/groups"; }
  [[nodiscard]] std::string group_config_of(std::string_view name) const { return fmt::format("{}/{}.conf", group_configs(), name); }
  [[nodiscard]] std::string group_cgroup_of(std::string_view name) const { return fmt::format("{}/ubc/{}", cgroups, name); }
  /// Below the group's where it is in one.
  [[nodiscard]] std::string cgroup_of(std::uint32_t id, std::string_view group) const {
    return group.empty() ? fmt::format("{}/ubc/{}", cgroups, id) : fmt::format("{}/{}", group_cgroup_of(group), id);
  }
};

/// ubc.conf, in the same KEY="value" form as a container's file.
struct HostSettings {
  std::uint32_t uid_base = 0x10000000;   ///< UID_BASE: slot n owns uids [base + n·65536, +65536)
  int fork_errno = 12;                   ///< FORK_ERRNO="ENOMEM" as OpenVZ had it, or "EAGAIN"
  int stop_timeout_s = 120;              ///< STOP_TIMEOUT
  std::string sample;                    ///< CONFIGFILE: the sample configuration of a create without --config; empty: none
  std::string actions;                   ///< ACTIONS of containers whose configuration has none (accounting/actions.h)
  std::vector<bpf::HookGroup> counted;   ///< from the first container on: SOCKET_BUFFERS="on", FILE_LOCKS="on"; "auto": with a number
  bool guest_to_guest = true;            ///< GUEST_TO_GUEST: guests of this host reach each other's addresses
  bool guest_to_host = false;            ///< GUEST_TO_HOST: they reach what the host itself serves
};

struct Host {
  HostPaths paths;
  HostSettings settings;
};

/// A host without the file has the defaults. Fails with Code::bad_value and the line's key.
[[nodiscard]] Result<Host> load_host(HostPaths paths);

/// Fails with Code::unsupported where cgroup v2 is not there, or lacks the memory controller.
[[nodiscard]] Result<> check_cgroups(const Host& host);
/// ubc/ below the cgroup root, made if need be, its controllers enabled for the containers below.
[[nodiscard]] Result<os::CgroupDir> containers_cgroup(const Host& host);

/// What this kernel lets us do, learnt by loading. Slow (tens of milliseconds): for `ubctl features` and before hooks are attached.
[[nodiscard]] bpf::HookPlan plan_hooks(const Host& host);

/// Attaches the hooks if they are not, and opens the ledger for that slot (Ledger::open_one). Fails with Code::unsupported and the reason
/// where the kernel can't.
[[nodiscard]] Result<bpf::Ledger> ensure_ledger(const Host& host, std::uint32_t slot);

/// Attaches a further group of hooks to those that run, if it is not. Fails with Code::unsupported and the reason where the kernel can't.
[[nodiscard]] Result<> ensure_group(const Host& host, bpf::HookGroup group);

/// Puts this version's programs in the place of those that run, live; how many they are. Fails with Code::not_found where none run, with
/// Code::unsupported and the reason where this version's cannot take their place.
[[nodiscard]] Result<std::size_t> upgrade_hooks(const Host& host);

/// A lock of the directory of records, held while the Fd lives: `how` as flock(2) has it. LOCK_EX waits its turn.
[[nodiscard]] Result<os::Fd> lock_file(const Host& host, std::string_view name, int how);
/// An exclusive lock, held while the Fd lives. The holder's pid and command are in the file. Fails with Code::busy and who holds it.
[[nodiscard]] Result<os::Fd> take_lock(const std::string& path, std::string_view what);

}  // namespace ubc::container

// SPDX-License-Identifier: Apache-2.0
// The options that create and set share: the beancounters and what else a configuration holds.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

#include "accounting/config_file.h"
#include "cli/report.h"
#include "container/bind_mounts.h"
#include "container/container_record.h"
#include "container/device_nodes.h"
#include "container/disk_quota.h"
#include "container/guest_rights.h"
#include "container/host.h"
#include "container/network_settings.h"
#include "container/tuning.h"

namespace ubc::cli {

/// Every verb: what it needs to know of the host, and its exit code. Lives as long as the parser.
struct Invocation {
  container::Host host;
  Say say;
  std::string ctid;
  int exit_code = 0;
};

/// Of the network: each may be said several times.
struct NetworkOptions {
  std::vector<std::string> ipadd, ipdel, nameservers, searchdomains, netif_add, netif_del;
  std::string rate;
};

/// The option texts as given.
struct ConfigOptions {
  std::map<std::string, std::string> beancounters;   ///< by resource name
  std::string ram, swap, overcommit, avnumproc;
  std::map<std::string, std::string> shares;         ///< of CPU and disk, by option
  std::map<std::string, std::string> keys;           ///< by configuration key: NAME, HOSTNAME, ...
  std::map<std::string, std::string> disk;           ///< by configuration key: DISKSPACE, ...
  NetworkOptions network;
  std::vector<std::string> bind_add, bind_drop, devices, features, capabilities;
};

void add_beancounter_options(CLI::App& verb, ConfigOptions& options);
/// Those, and the keys.
void add_config_options(CLI::App& verb, ConfigOptions& options);

/// What the options change: the numbers, and all of it as configuration keys. Fails with Code::bad_value.
struct Changes {
  container::AllLimits limits;
  std::map<std::string, std::string> keys;
  container::AddressChange addresses;
  container::BindChange binds;
  std::vector<container::DeviceWish> devices;
  container::Switches features, capabilities;
  container::BridgedChange links;   ///< what the host calls its ends may be open: name_links()
};
[[nodiscard]] Result<Changes> changes_from(const ConfigOptions& options);
void write_changes(accounting::ConfigFile& config, const Changes& changes);
/// The sample over what the options said, as --applyconfig has it; what is a container's own, like HOSTNAME, is not taken from it.
[[nodiscard]] Result<> merge_sample(Changes& changes, const accounting::ConfigFile& sample, const std::string& name);
void add_disk_options(CLI::App& verb, std::map<std::string, std::string>& options);
/// Fails with Code::bad_value.
[[nodiscard]] Result<> add_disk_changes(const std::map<std::string, std::string>& options, Changes& changes);
[[nodiscard]] bool concerns_disk(const Changes& changes);
/// What `config` says of it, to the file system, whether the container runs or not. Its exit code.
int apply_disk(const container::Host& host, const Say& say, std::uint32_t id, const accounting::ConfigFile& config);
void add_network_options(CLI::App& verb, NetworkOptions& options);
/// Fails with Code::bad_value.
[[nodiscard]] Result<> add_network_changes(const NetworkOptions& options, Changes& changes);
/// The host's names of the links of container `id` that have none yet.
void name_links(Changes& changes, std::uint32_t id);
/// Whether a running container can take something of it up: its addresses, its rate, the names that its /etc says.
[[nodiscard]] bool concerns_network(const Changes& changes);
/// That, live; `config` has the changes already. Its exit code.
int apply_network(const container::Host& host, const Say& say, std::uint32_t id, const Changes& changes,
                  const accounting::ConfigFile& config);

/// Of a change of the network that failed: an address that is somebody else's has a code of its own.
int fail_network(const Error& error);

/// Where container::lacks_swap() (exit_ub_missing).
int fail_for_swap();
/// The keys of `changes` that a running guest has taken up at its start, and whose value differs from the configuration's.
[[nodiscard]] std::vector<std::string> keys_for_restart(const accounting::ConfigFile& config, const Changes& changes);

/// The verbs, each told by its file.
void add_create(CLI::App& app, Invocation& invocation);
void add_convert(CLI::App& app, Invocation& invocation);
void add_start(CLI::App& app, Invocation& invocation);
void add_stop(CLI::App& app, Invocation& invocation);
void add_restart(CLI::App& app, Invocation& invocation);
void add_status(CLI::App& app, Invocation& invocation);
void add_destroy(CLI::App& app, Invocation& invocation);
void add_exec(CLI::App& app, Invocation& invocation);
void add_exec2(CLI::App& app, Invocation& invocation);
void add_enter(CLI::App& app, Invocation& invocation);
void add_console(CLI::App& app, Invocation& invocation);
void add_runscript(CLI::App& app, Invocation& invocation);
void add_ps(CLI::App& app, Invocation& invocation);
void add_cp(CLI::App& app, Invocation& invocation);
void add_diff(CLI::App& app, Invocation& invocation);
void add_audit(CLI::App& app, Invocation& invocation);
void add_doctor(CLI::App& app, Invocation& invocation);
void add_mount(CLI::App& app, Invocation& invocation);
void add_umount(CLI::App& app, Invocation& invocation);
void add_set(CLI::App& app, Invocation& invocation);
void add_list(CLI::App& app, Invocation& invocation);
void add_show(CLI::App& app, Invocation& invocation);
void add_events(CLI::App& app, Invocation& invocation);
void add_why(CLI::App& app, Invocation& invocation);
void add_features(CLI::App& app, Invocation& invocation);
void add_template(CLI::App& app, Invocation& invocation);
void add_hooks(CLI::App& app, Invocation& invocation);
void add_validate(CLI::App& app, Invocation& invocation);
void add_commitment(CLI::App& app, Invocation& invocation);
void add_split(CLI::App& app, Invocation& invocation);
void add_group(CLI::App& app, Invocation& invocation);
void add_adopt(CLI::App& app, Invocation& invocation);
void add_release(CLI::App& app, Invocation& invocation);
void add_oci_hook(CLI::App& app, Invocation& invocation);
void add_suspend(CLI::App& app, Invocation& invocation);
void add_resume(CLI::App& app, Invocation& invocation);
void add_watch(CLI::App& app, Invocation& invocation);
void add_top(CLI::App& app, Invocation& invocation);
void add_fleet(CLI::App& app, Invocation& invocation);

/// A program inside: its exit status, or why it could not be run.
int run_inside(const container::Host& host, std::uint32_t id, const std::vector<std::string>& command, bool terminal);
/// Stops a running container and tells what becomes of it. The lock is held.
[[nodiscard]] Result<> stop_told(const container::Host& host, const Say& say, std::uint32_t id, bool fast);
/// Mends what an unclean end of the host left, and starts all containers that ask for it at boot, in their order.
int start_onboot(const container::Host& host, const Say& say);
/// Starts a stopped one likewise.
[[nodiscard]] Result<> start_told(const container::Host& host, const Say& say, std::uint32_t id, bool force);

/// The verb's positional CTID, an id or a name.
CLI::Option* add_ctid(CLI::App& verb, Invocation& invocation);

/// The verb's body, called with the host and the resolved id; its value is the exit code.
template <typename Body>
void on_parsed(CLI::App& verb, Invocation& invocation, Body body) {
  verb.callback([&invocation, body] {
    const auto id = container::resolve_id(invocation.host, invocation.ctid);
    invocation.exit_code = id ? body(invocation.host, *id) : fail(id.error());
  });
}

}  // namespace ubc::cli
